// Regions that look again by themselves (data-live="seconds", hx-trigger="live"): only while the
// page is looked at, and not while text is selected within them. What is pointed at, or has the
// focus, in a part marked data-still must not move, nor may an open dialog: its region waits.

const last = new WeakMap();

const STILL = "[data-still]:hover, [data-still]:focus-within, dialog[open], :popover-open";

function isHeld(region) {
  const selection = getSelection();
  if (!selection.isCollapsed && region.contains(selection.anchorNode)) return true;
  return region.querySelector(STILL) !== null;
}

function tick() {
  if (document.visibilityState !== "visible" || !navigator.onLine) return;
  for (const region of document.querySelectorAll("[data-live]")) {
    const now = Date.now();
    if (!last.has(region)) last.set(region, now);
    if (now - last.get(region) < Number(region.dataset.live) * 1000 || isHeld(region)) continue;
    last.set(region, now);
    region.dispatchEvent(new CustomEvent("live"));
  }
}

// An answer that arrives after the pointer is dropped; the next look comes when it is gone.
document.addEventListener("htmx:before:swap", (event) => {
  const region = event.target;
  if (region instanceof Element && region.matches("[data-live]") && region.querySelector(STILL)) event.preventDefault();
});

// The head of a record looks again, and the rest of its page does not: say so once they differ.
const version = () => document.querySelector("[data-version]")?.dataset.version;
const loaded = version();
document.addEventListener("htmx:after:swap", () => {
  const note = document.getElementById("older");
  if (note) note.hidden = version() === loaded;
});
setInterval(tick, 500);
document.addEventListener("visibilitychange", tick);
