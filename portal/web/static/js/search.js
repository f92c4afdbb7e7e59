// A whole key typed or pasted into a search is replaced by its fingerprint before anything is sent:
// an address ends in histories and logs. The lists find a key by it.

import { fingerprint, isKey, lookAlikes } from "./rawkeys.js";

const FIELDS = "[data-search], [data-palette], [data-keyless]";
const keyIn = (field) => lookAlikes(field.value).find(isKey);

async function replace(field, key) {
  field.value = await fingerprint(key);
}

// In the capture phase of the document: before htmx hears of it.
document.addEventListener("input", async (event) => {
  const key = event.target.matches?.(FIELDS) && keyIn(event.target);
  if (!key) return;
  event.stopImmediatePropagation();
  await replace(event.target, key);
  event.target.dispatchEvent(new Event("input", { bubbles: true }));
}, true);

document.addEventListener("submit", async (event) => {
  const { submitter, target } = event;
  const fields = [...target.querySelectorAll(FIELDS)].filter(keyIn);
  if (!fields.length) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  for (const field of fields) await replace(field, keyIn(field));
  target.requestSubmit(submitter);
}, true);
