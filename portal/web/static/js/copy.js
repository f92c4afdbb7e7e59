// Copy buttons, and the guard of a secret that is shown once.
//   <button data-copy="text">            copies the text
//   <button data-copy-from="id">         copies what the element shows
//   <button data-download-from="id" data-env="NAME">   saves NAME=value as a file
//   <section data-reveal>                asks before one leaves without having stored it

const spoken = (text) => { document.getElementById("spoken").textContent = text; };

const done = (button) => {
  button.dataset.done = "";
  setTimeout(() => delete button.dataset.done, 2000);
};

async function copy(button) {
  const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
  try {
    await navigator.clipboard.writeText(from ? from.textContent : button.dataset.copy);
  } catch {
    if (from) getSelection().selectAllChildren(from);
    spoken("Copying is not allowed here. Select the text and copy it by hand.");
    return;
  }
  done(button);
  spoken("Copied");
  if (from) stored(button.closest("[data-reveal]"));
}

function download(button) {
  const value = document.getElementById(button.dataset.downloadFrom).textContent;
  const file = new Blob([`${button.dataset.env}=${value}\n`], { type: "text/plain" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${button.dataset.env.toLowerCase()}.env`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  done(button);
  stored(button.closest("[data-reveal]"));
}

function stored(panel) {
  const box = panel?.querySelector("[data-stored]");
  if (box) box.checked = true;
}

const unsaved = () => [...document.querySelectorAll("[data-reveal]")]
  .filter((panel) => panel.querySelector("[data-secret]")?.textContent)
  .find((panel) => !panel.querySelector("[data-stored]")?.checked);

function wipe() {
  for (const secret of document.querySelectorAll("[data-secret]")) secret.textContent = "";
  for (const panel of document.querySelectorAll("[data-reveal]")) panel.hidden = true;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from], [data-download-from]");
  if (!button) return;
  if (button.dataset.downloadFrom) download(button);
  else copy(button);
});

// Back and reload lead to where Done does, instead of asking to send the form again.
const after = document.querySelector("[data-reveal] [data-done-link]");
if (after) history.replaceState(null, "", after.href);

addEventListener("beforeunload", (event) => {
  if (unsaved()) event.preventDefault();
});
// A page that comes back from the browser's memory must not bring the secret with it.
addEventListener("pagehide", wipe);
addEventListener("pageshow", (event) => { if (event.persisted) wipe(); });

const show = (root) => {
  for (const part of root.querySelectorAll("[data-needs-script]")) part.hidden = false;
};
show(document);
document.addEventListener("htmx:after:swap", () => show(document));
