// Toasts: said in passing by the server (HX-Trigger: {"toast": …}, or already in the page).
// At most three; they wait while one points at them or reads them; Escape dismisses the newest.
// Errors of the network land in the banner: the page stays as it is.

const region = document.getElementById("toasts");
const LIFE = 8000;

function arm(toast) {
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn quiet sm";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  close.addEventListener("click", () => toast.remove());
  toast.append(close);
  let timer = setTimeout(() => toast.remove(), LIFE);
  const wait = () => clearTimeout(timer);
  const go = () => { wait(); timer = setTimeout(() => toast.remove(), LIFE / 2); };
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, wait);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, go);
}

function add({ message, tone = "ok", label, url }) {
  const toast = document.createElement("div");
  const text = document.createElement("p");
  toast.className = "toast";
  toast.dataset.tone = tone;
  text.textContent = message;
  if (url) {
    const link = document.createElement("a");
    link.href = url;
    link.textContent = label;
    text.append(" ", link);
  }
  toast.append(text);
  region.append(toast);
  arm(toast);
  while (region.children.length > 3) region.firstElementChild.remove();
}

const banner = () => document.getElementById("banner");

// Say what the user has to know now. What `lasts` stays until the user's next change is answered.
function complain(title, lasts = false) {
  if (!banner()) return;
  const box = document.createElement("div");
  const text = document.createElement("div");
  const strong = document.createElement("strong");
  box.className = "banner";
  box.dataset.tone = "warn";
  box.setAttribute("role", "alert");
  if (lasts) box.dataset.lasts = "";
  strong.textContent = title;
  text.append(strong);
  box.append(text);
  banner().replaceChildren(box);
}

// Say what the page itself noticed: it hides nothing that lasts.
function mention(title) {
  if (!banner()?.querySelector("[data-lasts]")) complain(title);
}

if (region) {
  for (const toast of region.querySelectorAll(".toast")) arm(toast);
  region.addEventListener("toast", (event) => event.detail.items.forEach(add));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") region.lastElementChild?.remove();
  });
}

// Only failures without an answer: the server's own errors bring their banner themselves.
document.addEventListener("htmx:error", (event) => {
  const { request, response } = event.detail.ctx ?? {};
  if (response) return;
  if (request?.method !== "GET") {
    complain("The portal did not answer. It may have been done: look before you send it again.", true);
  } else if (navigator.onLine) { // offline, the banner says so already
    mention("The portal did not answer. Please try again.");
  }
});
document.addEventListener("htmx:finally:request", (event) => {
  const { request, response } = event.detail.ctx ?? {};
  if (response && request?.method !== "GET") banner()?.querySelector("[data-lasts]")?.remove();
});
// Offline, a form stays as it is: the browser would replace the page by one of its own.
document.addEventListener("submit", (event) => {
  if (navigator.onLine) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  complain("You are offline. Nothing was sent, and what you typed is still here.");
}, true);
addEventListener("offline", () => mention("You are offline. The page shows what it last knew."));
addEventListener("online", () => banner()?.querySelector(".banner:not([data-lasts])")?.remove());
