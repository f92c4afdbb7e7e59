// Forms and menus: one submit only, clean filter addresses, chosen looks without a reload,
// and dialogs in browsers that do not know command/commandfor yet.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-look]")) return choose(event);
  if (!form.matches("[data-once]")) return undefined;
  if ("busy" in form.dataset) return event.preventDefault();
  form.dataset.busy = "";
  return undefined;
});

// Back to a page whose form was sent: it may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-busy]")) delete form.dataset.busy;
});

function choose(event) {
  const chosen = event.submitter?.value;
  if (!chosen) return;
  event.preventDefault();
  const { look } = event.target.dataset;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${look}=${chosen}; path=/; max-age=31536000; samesite=lax${secure}`;
  document.documentElement.dataset[look] = chosen;
  for (const button of event.target.querySelectorAll("button"))
    button.setAttribute("aria-pressed", String(button.value === chosen));
  document.dispatchEvent(new Event("look"));
}

// What is filled in for one of several choices chooses it.
document.addEventListener("input", ({ target }) => {
  const { chooses } = target.dataset;
  if (chooses && target.value) target.form.querySelector(`input[type=radio][value="${chooses}"]`).checked = true;
});

// Empty filters say nothing: ?q=&status= would only make the address longer.
document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  if (!ctx.sourceElement?.matches("[data-filters]")) return;
  for (const [name, value] of [...ctx.request.body.entries()])
    if (value === "") ctx.request.body.delete(name);
});

// htmx throws away an answer whose target was drawn anew since it was asked for: a click before the
// last answer was here, or a live region. The answer goes to what stands in the target's place now.
// A region that looks again at itself is left out: what drew it anew is newer.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const { target, sourceElement } = ctx;
  if (target instanceof Element && !target.isConnected && target !== sourceElement)
    ctx.target = document.getElementById(target.id) ?? target;
});

document.addEventListener("formdata", (event) => {
  if (!event.target.matches("[data-filters]")) return;
  for (const [name, value] of [...event.formData.entries()])
    if (value === "") event.formData.delete(name);
});

// What was typed before the page could answer is searched for as soon as it can. htmx begins in a
// task of its own, made before this one.
addEventListener("load", () => setTimeout(() => {
  for (const box of document.querySelectorAll("[data-search], [data-palette]"))
    if (box.value !== box.defaultValue) box.dispatchEvent(new Event("input", { bubbles: true }));
}));

// What a person ticked stays ticked when an answer draws the boxes anew, where there still is such a
// box. The person's own clicks are kept, and no look at the page: two answers may come at once.
const ticked = new Map();
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-keep-ticks] input[type=checkbox]"))
    ticked.set(target.name + target.value, target.checked);
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const boxes = [...document.querySelectorAll("[data-keep-ticks] input[type=checkbox]")];
  const drawn = new Map(boxes.map((box) => [box.name + box.value, box]));
  for (const [box, is] of ticked)
    if (drawn.has(box)) drawn.get(box).checked = is && !drawn.get(box).disabled;
    else ticked.delete(box);
  // A sentence that was asked for while the boxes were drawn anew may have missed some.
  if (ctx.target?.matches?.("[data-keep-ticks]"))
    document.getElementById(ctx.target.id)?.dispatchEvent(new Event("change", { bubbles: true }));
});

// A menu closes when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.drop[open], details.menu[open]"))
    if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.drop[open], details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (!dialog) return;
    if (button.getAttribute("command") === "show-modal") dialog.showModal();
    else dialog.close();
  });
}
