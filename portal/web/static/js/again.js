// Whoever must prove again who they are, amid a form, finds it as it was: its address and what was
// typed wait in this tab until they are back. Only forms that ask for it (data-again), and none of
// their tokens; forms with secrets do not ask.

const NAME = "form-to-come-back-to";
const BACK = "#signed-in-again";
const TOKENS = ["csrf_token", "form_secret"];

document.addEventListener("submit", ({ target }) => {
  if (!target.matches("form[data-again]")) return;
  const fields = [...new FormData(target)].filter(([name, value]) =>
    typeof value === "string" && !TOKENS.includes(name));
  const place = location.pathname + location.search;
  sessionStorage.setItem(NAME, JSON.stringify({ place, action: target.getAttribute("action"), fields }));
});

function fill(form, fields) {
  const given = new Map();
  for (const [name, value] of fields) given.set(name, [...(given.get(name) ?? []), value]);
  for (const field of form.elements) {
    if (!field.name || field.type === "hidden" || TOKENS.includes(field.name)) continue;
    const values = given.get(field.name) ?? [];
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (values.length) [field.value] = values;
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
  if (form) fill(form, kept.fields);
  return undefined;
}

// After htmx, which listens for what is typed only from then on.
addEventListener("DOMContentLoaded", () => {
  comeBack();
  if (location.hash === BACK) history.replaceState(history.state, "", location.pathname + location.search);
});
