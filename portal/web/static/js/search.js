// A whole key typed or pasted into a search is replaced by its fingerprint before anything is sent:
// an address ends in histories and logs. A part of a key that is longer than what people see of it
// is not sent at all.

import { fingerprint, lookAlikes } from "./rawkeys.js";

const FIELDS = "[data-search], [data-palette], [data-keyless]";
const PART = /sk-[a-z0-9]{4}-[usv][0-9A-Za-z]{4}/;
const REFUSED = "This looks like part of an API key, so it was not searched for. Paste the whole key, or only its first 12 characters.";
const keyIn = (field) => lookAlikes(field.value)[0];
const isRefused = (field) => PART.test(field.value) && !keyIn(field);

async function replace(field, key) {
  // Without a secure context there is no fingerprint, and then the key is not sent either.
  field.value = globalThis.crypto?.subtle ? await fingerprint(key) : "";
}

function refuse(field) {
  field.setCustomValidity(REFUSED);
  const told = new CustomEvent("keyless", { bubbles: true, detail: REFUSED });
  field.dispatchEvent(told);
  if (!field.matches("[data-palette]")) field.reportValidity();
}

// In the capture phase of the document: before htmx hears of it.
document.addEventListener("input", async (event) => {
  const field = event.target;
  if (!field.matches?.(FIELDS)) return;
  field.setCustomValidity("");
  const key = keyIn(field);
  if (!key && !isRefused(field)) return;
  event.stopImmediatePropagation();
  if (!key) return refuse(field);
  await replace(field, key);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}, true);

document.addEventListener("submit", async (event) => {
  const { submitter, target } = event;
  const fields = [...target.querySelectorAll(FIELDS)].filter((field) => keyIn(field) || isRefused(field));
  if (!fields.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const refused = fields.find(isRefused);
  if (refused) return refuse(refused);
  for (const field of fields) await replace(field, keyIn(field));
  target.requestSubmit(submitter);
}, true);
