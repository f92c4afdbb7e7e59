// Relative times stay true while a page is open; the absolute ones are shown in the browser's zone
// on hover. The words are those of portal/web/words.py.

const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [30 * 86400, 86400, "d"]];
const zone = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

function ago(moment) {
  const seconds = (Date.now() - moment) / 1000;
  const size = Math.abs(seconds);
  if (size < 10) return "just now";
  for (const [limit, unit, name] of STEPS)
    if (size < limit) {
      const text = `${Math.floor(size / unit)} ${name}`;
      return seconds > 0 ? `${text} ago` : `in ${text}`;
    }
  return null;
}

function refresh() {
  if (document.visibilityState !== "visible") return;
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const text = ago(new Date(time.dateTime));
    if (text && time.textContent !== text) time.textContent = text;
  }
}

function localise() {
  for (const time of document.querySelectorAll("time[data-relative]:not([data-local])")) {
    time.dataset.local = "";
    time.title = `${zone.format(new Date(time.dateTime))} · ${time.title}`;
  }
}

localise();
document.addEventListener("htmx:after:swap", localise);
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, 10_000);
