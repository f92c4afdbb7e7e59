// Relative times stay true while a page is open; full ones are shown by the clock that was chosen.
// The words are those of portal/web/words.py.

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

// Both clocks, the chosen one first; a full time shows the chosen one alone.
function localise() {
  const local = document.documentElement.dataset.zone === "local";
  for (const time of document.querySelectorAll("time[data-relative], time[data-full]")) {
    const isFull = "full" in time.dataset;
    time.dataset.utc ??= isFull ? time.textContent : time.title;
    const { utc } = time.dataset;
    const here = zone.format(new Date(time.dateTime));
    if (isFull) time.textContent = local ? here : utc;
    else time.title = local ? `${here} · ${utc}` : `${utc} · ${here}`;
  }
  const foot = document.querySelector(".foot [data-zone]");
  if (foot) foot.textContent = local ? `Full times are in ${zone.resolvedOptions().timeZone}` : "Times are in UTC";
}

document.querySelector("[data-look=zone]")?.removeAttribute("hidden");
localise();
document.addEventListener("look", localise);
document.addEventListener("htmx:after:swap", localise);
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, 10_000);
