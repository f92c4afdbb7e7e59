// The palette: find, open and do anything. The server finds; here are the keys, what is read out,
// and the records that were opened last, which stay in this browser.

import { lookAlikes } from "./rawkeys.js";

const RECENTS = "recents";
const MOST = 6;
const A_RECORD = /^\/[a-z/-]+\/[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}$/;
const OFFLINE = "You are offline. Search works again as soon as you are connected.";
const FAILED = "The search did not answer. Type on to try again.";

const dialog = document.getElementById("find");
const form = dialog?.querySelector("form");
const field = form?.querySelector("[data-palette]");
let waiting = false; // for the answer to what was typed last
let entered = false; // Enter was pressed meanwhile

const region = () => document.getElementById("palette");
const options = () => [...dialog.querySelectorAll("[role=option]")];
const chosen = () => dialog.querySelector("[role=option][aria-selected=true]");
const say = (text) => { document.getElementById("palette-said").textContent = text; };

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  if (!option) return field.removeAttribute("aria-activedescendant");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option.id);
  return undefined;
}

function step(by) {
  const all = options();
  if (all.length) choose(all[(all.indexOf(chosen()) + by + all.length) % all.length]);
}

function go(option, apart) {
  if (apart) window.open(option.href, "_blank", "noopener");
  else option.click();
}

// ---------------------------------------------------------------- what was opened last

function recents() {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENTS));
    return kept?.whose === dialog.dataset.whose ? kept.items.filter(({ url }) => A_RECORD.test(url)) : [];
  } catch {
    return [];
  }
}

function remember(title, url) {
  if (!A_RECORD.test(url) || lookAlikes(title).length) return;
  const items = [{ title, url }, ...recents().filter((one) => one.url !== url)].slice(0, MOST);
  try {
    localStorage.setItem(RECENTS, JSON.stringify({ whose: dialog.dataset.whose, items }));
  } catch {
    // Without storage there are no recents.
  }
}

function lineOf({ title, url }) {
  const line = document.createElement("a");
  line.setAttribute("role", "option");
  line.setAttribute("aria-selected", "false");
  line.tabIndex = -1;
  line.href = url;
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = title;
  line.append(name);
  return line;
}

function listRecents() {
  const found = recents().filter(({ url }) => url !== location.pathname);
  if (!found.length) return;
  const group = document.createElement("div");
  const head = document.createElement("p");
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", "palette-recent");
  head.id = "palette-recent";
  head.className = "head";
  head.textContent = "Recent";
  group.append(head, ...found.map(lineOf));
  let list = document.getElementById("palette-list");
  if (!list) {
    list = document.createElement("div");
    list.id = "palette-list";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Results");
    region().append(list);
  }
  list.prepend(group);
}

// ---------------------------------------------------------------- asking and showing

function show() {
  waiting = false;
  delete dialog.dataset.busy;
  if (!field.value.trim()) listRecents();
  const all = options();
  all.forEach((option, number) => { option.id = `find-${number}`; });
  const list = document.getElementById("palette-list");
  field.setAttribute("aria-expanded", String(Boolean(list)));
  field.setAttribute("aria-controls", list ? "palette-list" : "palette");
  choose(all[0]);
  say(region().dataset.said ?? "");
  if (entered && all[0]) go(all[0], false);
  entered = false;
}

function tell(text) {
  form.dispatchEvent(new Event("htmx:abort")); // an answer to what was typed before would replace the text
  const line = document.createElement("p");
  line.className = "none";
  line.textContent = text;
  region().replaceChildren(line);
  delete region().dataset.said;
  show();
  say(text);
}

function ask() {
  if (navigator.onLine) field.dispatchEvent(new Event("input", { bubbles: true }));
  else tell(OFFLINE);
}

function open() {
  if (document.querySelector("dialog[open]")) return field.select();
  dialog.showModal();
  field.select();
  ask();
  return undefined;
}

function typed(event) {
  const moves = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.isComposing) return;
  if (moves) step(moves);
  else if (event.key !== "Enter") return;
  else if (waiting) entered = true;
  else if (chosen()) go(chosen(), event.ctrlKey || event.metaKey);
  else return;
  event.preventDefault();
}

function failed(event) {
  event.stopPropagation(); // the banner of the page is behind the palette
  tell(navigator.onLine ? FAILED : OFFLINE);
}

if (dialog) {
  field.addEventListener("keydown", typed);
  // A key may be pressed before htmx listens to the form.
  form.addEventListener("htmx:after:init", ({ target }) => { if (target === form && dialog.open) ask(); });
  form.addEventListener("input", () => {
    waiting = true;
    dialog.dataset.busy = "";
    if (!navigator.onLine) tell(OFFLINE);
  });
  dialog.addEventListener("htmx:after:swap", show);
  dialog.addEventListener("htmx:error", failed);
  dialog.addEventListener("htmx:response:error", failed);
  dialog.addEventListener("keyless", ({ detail }) => tell(detail));
  dialog.addEventListener("click", ({ target }) => {
    const option = target.closest?.("[role=option]");
    if (option) remember(option.querySelector(".name").textContent, new URL(option.href).pathname);
    else if (target === dialog) dialog.close();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-find]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  addEventListener("online", () => { if (dialog.open) ask(); });
  document.addEventListener("submit", ({ target }) => {
    if (target.getAttribute("action") === dialog.dataset.signOut) localStorage.removeItem(RECENTS);
  });
  // The status is known for sure when the page has come whole.
  addEventListener("load", () => {
    const [opened] = performance.getEntriesByType("navigation");
    if (opened?.responseStatus === 200) remember(document.title.split(" · ")[0], location.pathname);
  });
}
