// Fields that refer to something: type, and choose from what the server finds. `data-pick` makes one
// of a long select element, or of a field for an id; `data-picks` is a list with commas.

import { lookAlikes } from "./rawkeys.js";

const FEW = 12; // options that a select element shows well
const WAIT = 120;
let open; // the field whose choices are shown
let asked = 0;
let waiting;

const list = () => document.getElementById("choices");
const options = () => [...(list()?.querySelectorAll("[role=option]:not([aria-disabled])") ?? [])];
const chosen = () => list()?.querySelector("[aria-selected=true]");

function mark(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) open.box.setAttribute("aria-activedescendant", option.id);
  else open.box.removeAttribute("aria-activedescendant");
}

function close() {
  clearTimeout(waiting);
  asked += 1;
  list()?.remove();
  open?.box.setAttribute("aria-expanded", "false");
  open?.box.removeAttribute("aria-activedescendant");
  open = undefined;
}

// What is typed now: all of it, or what stands after the last comma before the cursor.
function part(field) {
  const { value, selectionStart } = field.box;
  if (!field.isMany) return value.trim();
  return value.slice(0, selectionStart).split(",").pop().trim();
}

function ask(field) {
  const text = part(field);
  const mine = (asked += 1);
  clearTimeout(waiting);
  if (open === field) mark(undefined); // Enter takes nothing that was found for an earlier text
  if (lookAlikes(text).length) return close();
  waiting = setTimeout(async () => {
    const url = new URL(field.url, location.href);
    url.searchParams.set("q", text);
    const place = document.createElement("div");
    place.hidden = true;
    field.place.append(place);
    await window.htmx.ajax("GET", url.pathname + url.search, { target: place, swap: "innerHTML", source: place });
    const found = place.firstElementChild;
    place.remove();
    if (mine !== asked || found?.id !== "choices" || !field.box.matches(":focus")) return;
    list()?.remove();
    field.place.append(found);
    field.answered = text;
    open = field;
    field.box.setAttribute("aria-expanded", "true");
    document.getElementById("spoken").textContent = found.dataset.said;
    mark(field.isMany && !text ? undefined : options()[0]);
  }, WAIT);
  return undefined;
}

function take(option) {
  const field = open;
  const { value } = option.dataset;
  const label = option.querySelector("span").textContent;
  close();
  if (field.isMany) insert(field.box, value);
  else {
    field.box.value = label;
    set(field, value, label);
  }
  field.box.dispatchEvent(new Event("change", { bubbles: true }));
}

function insert(box, value) {
  const before = box.value.slice(0, box.selectionStart).split(",").slice(0, -1).map((one) => one.trim());
  const after = box.value.slice(box.selectionStart).split(",").slice(1).map((one) => one.trim());
  const kept = [...before, value, ...after].filter((one, place, all) => one && all.indexOf(one) === place);
  box.value = `${kept.join(", ")}, `;
}

function set(field, value, label) {
  const { control } = field;
  if (control.tagName === "SELECT" && ![...control.options].some((one) => one.value === value))
    control.add(new Option(label, value));
  control.value = value;
  field.label = label;
  control.dispatchEvent(new Event("change", { bubbles: true }));
}

// What was typed and not chosen: an emptied field means none, a whole id is taken as it is, and any
// other text goes back to what was chosen.
function leave(field) {
  close();
  if (field.isMany) return;
  if (!isSettled(field)) settle(field);
  field.box.value = field.label;
}

const isSettled = (field) => field.isMany || field.box.value.trim() === field.label;

function settle(field) {
  const text = field.box.value.trim();
  const isWhole = !text || /^[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
  if (isWhole) set(field, text, text);
  return isWhole;
}

// Enter takes an option that was found for what is typed now. It never submits the form while the
// field shows something else than was chosen: the form would send the old choice.
function enter(field) {
  const isStale = open === field && field.answered !== part(field);
  if (isStale && (field.isMany || chosen())) {
    ask(field); // what is typed now, or stands before the cursor now
    return true;
  }
  if (open === field && chosen()) {
    take(chosen());
    return true;
  }
  if (isSettled(field)) return false;
  if (settle(field)) close();
  else if (open !== field) ask(field);
  return true;
}

function typed(event, field) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.isComposing) return;
  if (by && open !== field) ask(field);
  else if (by && options().length) {
    const all = options();
    const at = all.indexOf(chosen());
    mark(all[at < 0 && by < 0 ? all.length - 1 : (at + by + all.length) % all.length]);
  } else if (event.key === "Enter") {
    if (!enter(field)) return;
  } else if (open === field && event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function listen(field) {
  const { box } = field;
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", "choices"], ["autocomplete", "off"]])
    box.setAttribute(name, value);
  box.addEventListener("input", (event) => {
    if (!field.isMany) event.stopPropagation(); // its control tells what was chosen
    ask(field);
  });
  box.addEventListener("keydown", (event) => typed(event, field));
  box.addEventListener("blur", () => leave(field));
}

function wrap(control) {
  const place = document.createElement("div");
  place.className = "chooser";
  control.before(place);
  place.append(control);
  return place;
}

function pickOne(control) {
  const isSelect = control.tagName === "SELECT";
  if (isSelect && control.options.length <= FEW) return;
  const place = wrap(control);
  const box = document.createElement("input");
  box.type = "text";
  box.spellcheck = false;
  box.id = control.id;
  for (const name of ["aria-describedby", "aria-invalid", "autofocus"])
    if (control.hasAttribute(name)) box.setAttribute(name, control.getAttribute(name));
  const none = isSelect ? [...control.options].find(({ value }) => !value)?.text : control.placeholder;
  box.placeholder = none ?? "";
  const label = isSelect ? control.value && control.selectedOptions[0]?.text : control.dataset.shown || control.value;
  box.value = label || "";
  control.removeAttribute("id");
  control.hidden = true;
  place.append(box);
  const field = { control, box, place, url: control.dataset.pick, isMany: false, label: box.value };
  control.addEventListener("change", () => { // also when a form is filled in again
    if (isSelect) field.label = control.value ? control.selectedOptions[0].text : "";
    box.value = field.label;
  });
  listen(field);
}

function start(root) {
  for (const control of root.querySelectorAll("[data-pick]:not([hidden])")) pickOne(control);
  for (const box of root.querySelectorAll("[data-picks]:not([role])"))
    listen({ control: box, box, place: wrap(box), url: box.dataset.picks, isMany: true });
}

// Before the field loses the focus, so that it is still open.
document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.("#choices > [role=option]");
  if (!option || !open) return;
  event.preventDefault();
  if (!option.hasAttribute("aria-disabled")) take(option);
});
document.addEventListener("htmx:after:swap", () => start(document));
start(document);
