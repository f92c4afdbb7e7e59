// Whoever must sign in again amid a form, because their session ended or to confirm that it is they,
// finds it as it was: its address and what was typed wait in this tab until they are back. No tokens
// and no secrets wait, and nobody else is shown what they typed.

const NAME = "form-to-come-back-to";
const BACK = "#signed-in-again";
const TOKENS = ["csrf_token", "form_secret"];
const who = () => document.querySelector(".who")?.textContent ?? "";
const isSecret = (field) => field.type === "password" || field.matches("[data-never-kept]");
let typed = null;

function keep(form) {
  const secret = (name) => [...form.elements].some((one) => one.name === name && isSecret(one));
  const fields = [...new FormData(form)].filter(([name, value]) =>
    typeof value === "string" && !TOKENS.includes(name) && !secret(name));
  const place = location.pathname + location.search;
  sessionStorage.setItem(NAME, JSON.stringify({ who: who(), place, action: form.getAttribute("action"), fields }));
}

document.addEventListener("submit", ({ target }) => {
  if (target.matches("form[data-again]")) keep(target);
});
document.addEventListener("input", ({ target }) => {
  if (target.form?.matches("form[data-again]")) typed = target.form;
});
addEventListener("pagehide", () => {
  if (typed?.isConnected) keep(typed);
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
  for (const field of form.elements) {
    if (!field.name || field.type === "hidden" || isSecret(field) || TOKENS.includes(field.name)) continue;
    put(field, given.get(field.name) ?? []);
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

function comeBack() {
  const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
  const isBack = location.hash === BACK;
  if (!isBack || !kept) return sessionStorage.removeItem(NAME);
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
