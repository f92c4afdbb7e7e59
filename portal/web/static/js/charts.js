// The values of a bar: read out below its chart when it is pointed at or has the focus. The arrow
// keys, Home and End go from bar to bar; Enter follows the link of a bar, as of any link.

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

function readOut(event) {
  const point = event.target.closest?.("[data-point]");
  const line = point?.closest("[data-chart]").querySelector("[data-readout]");
  if (line) line.textContent = point.getAttribute("aria-label");
}

document.addEventListener("pointerover", readOut);
document.addEventListener("focusin", readOut);
document.addEventListener("keydown", (event) => {
  const point = event.target.closest?.("[data-point]");
  const step = STEPS[event.key];
  if (!point || step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const points = [...point.closest("[data-chart]").querySelectorAll("[data-point]")];
  const at = Math.min(Math.max(points.indexOf(point) + step, 0), points.length - 1);
  for (const one of points) one.setAttribute("tabindex", one === points[at] ? 0 : -1);
  points[at].focus();
});
