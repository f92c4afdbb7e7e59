// Whoever must sign in (again) amid a form finds it as it was: its address and what was typed wait in
// this tab until the same person is back. Tokens and secrets do not wait.

const NAME = "form-to-come-back-to";
const BACK = "#signed-in-again";
const TOKENS = ["csrf_token", "form_secret"];
const whose = () => document.getElementById("find")?.dataset.whose;
const isKept = (field) => field.name && !TOKENS.includes(field.name) && !field.matches("[data-never-kept]");

document.addEventListener("submit", ({ target }) => {
  if (!target.matches("form[data-again]")) return;
  const kept = new Set([...target.elements].filter(isKept).map(({ name }) => name));
  const fields = [...new FormData(target)].filter(([name, value]) => typeof value === "string" && kept.has(name));
  const place = location.pathname + location.search;
  const form = { whose: whose(), place, action: target.getAttribute("action"), fields };
  sessionStorage.setItem(NAME, JSON.stringify(form));
});

function put(field, values) {
  const before = `${field.value} ${field.checked}`;
  if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
  else if (values.length) [field.value] = values;
  if (`${field.value} ${field.checked}` === before) return;
  field.closest("details:not([open])")?.setAttribute("open", "");
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

function fill(form, fields) {
  const given = new Map();
  for (const [name, value] of fields) given.set(name, [...(given.get(name) ?? []), value]);
  for (const field of form.elements)
    if (isKept(field) && field.type !== "hidden") put(field, given.get(field.name) ?? []);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

function comeBack() {
  const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
  const isBack = location.hash === BACK;
  if (!isBack || !kept || kept.whose !== whose()) return sessionStorage.removeItem(NAME);
  if (location.pathname + location.search !== kept.place) return location.replace(kept.place + BACK);
  sessionStorage.removeItem(NAME);
  const form = [...document.querySelectorAll("form[data-again]")].find((one) => one.getAttribute("action") === kept.action);
  if (form && kept.who === who()) fill(form, kept.fields);
  return undefined;
}

// After htmx, which listens for what is typed only from then on.
addEventListener("DOMContentLoaded", () => {
  comeBack();
  if (location.hash === BACK) history.replaceState(history.state, "", location.pathname + location.search);
});
