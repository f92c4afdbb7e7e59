// Keys: Ctrl/⌘ K finds anything, "/" searches the list, "g" and a letter goes to a page, "c"
// creates, "?" shows all of them. Off while one types; single keys are off as well when a person
// has turned them off. The letters of "g" are in the rail (data-key).

const TYPING = "input, textarea, select, [contenteditable]";
let going = 0;

function find() {
  const link = document.querySelector("[data-find]");
  link?.click();
  return Boolean(link);
}

function searchList() {
  const input = document.querySelector("main [data-search]");
  input?.focus();
  input?.select();
  return Boolean(input);
}

function press(selector) {
  const link = document.querySelector(selector);
  link?.click();
  return Boolean(link);
}

function help() {
  const dialog = document.getElementById("shortcuts");
  dialog?.showModal();
  return Boolean(dialog);
}

const single = {
  "/": () => searchList() || find(),
  "?": help,
  c: () => press("[data-create]"),
  g: () => { going = Date.now(); return true; },
};

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    if (find()) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.documentElement.dataset.keys === "off") return;
  if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return;
  const goes = Date.now() - going < 1500 && /^[a-z]$/.test(event.key);
  going = 0;
  if (goes && press(`.shell > .rail [data-key="${event.key}"]`)) event.preventDefault();
  else if (single[event.key]?.()) event.preventDefault();
});
