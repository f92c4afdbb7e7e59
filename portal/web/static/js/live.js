// Regions that look again by themselves (data-live="seconds", hx-trigger="live"): only while the
// page is looked at, and not while a key is pressed or text is selected within them.

const last = new WeakMap();

function isHeld(region) {
  const selection = getSelection();
  return !selection.isCollapsed && region.contains(selection.anchorNode);
}

function tick() {
  if (document.visibilityState !== "visible" || !navigator.onLine) return;
  for (const region of document.querySelectorAll("[data-live]")) {
    const now = Date.now();
    if (!last.has(region)) last.set(region, now);
    if (now - last.get(region) < Number(region.dataset.live) * 1000 || isHeld(region)) continue;
    last.set(region, now);
    region.dispatchEvent(new CustomEvent("live"));
  }
}

setInterval(tick, 500);
document.addEventListener("visibilitychange", tick);
