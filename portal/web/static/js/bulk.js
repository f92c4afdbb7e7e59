// The bar of a list: says how many rows are selected, and a box in the head selects the page.

// Not form.id: that is the boxes, whose name is id.
const boxes = (form) => [...document.querySelectorAll(`input[form="${form.getAttribute("id")}"]`)];

function say(form) {
  const all = boxes(form);
  const ticked = all.filter((box) => box.checked).length;
  const said = form.querySelector("[data-counted]");
  if (said) said.textContent = ticked ? `${ticked} selected` : "Selected rows";
  const head = document.querySelector(`[data-select-page="${form.getAttribute("id")}"]`);
  if (!head) return;
  head.hidden = false;
  head.checked = ticked > 0 && ticked === all.length;
  head.indeterminate = ticked > 0 && ticked < all.length;
}

document.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  const page = target.dataset.selectPage;
  const form = document.getElementById(page ?? target.getAttribute("form") ?? "");
  if (!form?.matches("[data-selection]")) return;
  if (page) for (const box of boxes(form)) box.checked = target.checked;
  form.querySelector('[value="ticked"]').checked = true;
  say(form);
});

function look() {
  for (const form of document.querySelectorAll("[data-selection]")) say(form);
}

document.addEventListener("htmx:after:swap", look);
addEventListener("pageshow", look);
look();
