// Keys: "/" searches the list, Ctrl/⌘ K everything, "g" and a letter goes to a page, "c" creates.
// Off while one types; single keys are off as well when a person has turned them off. The letters are the rail's: the first letter of the last word that is free.

const GO = { o: "Overview", a: "Applications", c: "Connectors", k: "API keys", w: "Webhooks", l: "Audit log", s: "Sessions" };
const TYPING = "input, textarea, select, [contenteditable]";
let going = 0;

const linkTo = (label) => [...document.querySelectorAll(".shell > .rail .links a")]
  .find((link) => link.querySelector("span")?.textContent === label);

function focus(selector) {
  const input = document.querySelector(selector);
  input?.focus();
  input?.select();
  return Boolean(input);
}

const single = {
  "/": () => focus("main [data-search]") || focus("[data-palette]"),
  g: () => { going = Date.now(); return true; },
  c: () => {
    const create = document.querySelector("[data-create]");
    create?.click();
    return Boolean(create);
  },
};

// In the search over everything the arrows walk through what was found, Escape puts it away.
function walk(event) {
  const find = event.target.closest?.(".find");
  const step = { ArrowDown: 1, ArrowUp: -1, Escape: 0 }[event.key];
  if (!find || step === undefined) return false;
  const input = find.querySelector("[data-palette]");
  if (step === 0) find.querySelector(".palette").replaceChildren();
  const stops = [input, ...find.querySelectorAll(".palette a")];
  const next = step === 0 ? input : stops[stops.indexOf(document.activeElement) + step];
  next?.focus();
  return Boolean(next);
}

document.addEventListener("keydown", (event) => {
  if (walk(event)) return event.preventDefault();
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
    if (focus("[data-palette]")) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.documentElement.dataset.keys === "off") return;
  if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return;
  const link = Date.now() - going < 1500 ? linkTo(GO[event.key]) : null;
  going = 0;
  if (link) link.click();
  else if (!single[event.key]?.()) return;
  event.preventDefault();
});
