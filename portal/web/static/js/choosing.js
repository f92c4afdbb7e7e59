// Choosing in forms: presets of scopes, and arrow keys among their boxes.

const told = (box) => box.dispatchEvent(new Event("change", { bubbles: true }));
const boxesOf = (part) => [...part.querySelectorAll("input[type=checkbox]:not(:disabled)")];

// A preset ticks its scopes and no others.
document.addEventListener("click", ({ target }) => {
  const preset = target.closest?.("[data-ticks]");
  if (!preset) return;
  const wanted = new Set(preset.dataset.ticks.split(" "));
  const changed = boxesOf(preset.closest("[data-scopes]")).filter((box) => box.checked !== wanted.has(box.value));
  for (const box of changed) {
    box.checked = !box.checked;
    told(box);
  }
});

// Tab leads through all boxes, as everywhere; the arrows lead to the next box of a row or a column.
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
document.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const cell = step && event.target.closest?.("[data-scopes] td");
  if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const rows = [...cell.closest("tbody").rows];
  const place = cell.parentElement.sectionRowIndex;
  if (step[0]) return firstIn(rows.slice(place + 1), rows.slice(0, place).reverse(), step[0], cell.cellIndex);
  const all = boxesOf(cell.parentElement);
  return all[all.indexOf(event.target) + step[1]]?.focus();
});

function firstIn(below, above, by, column) {
  const row = (by > 0 ? below : above).find(({ cells }) => boxesOf(cells[column]).length);
  if (row) boxesOf(row.cells[column])[0].focus();
}

// A sentence that cannot be asked for is no error of the page: the form works without it.
for (const name of ["htmx:error", "htmx:response:error"])
  document.addEventListener(name, (event) => {
    if (event.target.matches?.('[hx-target="#sentence"]')) event.stopPropagation();
  }, true);
