// The leak desk: finds keys in texts and files, and asks for them by SHA-256. No key leaves this
// page. A file is read in slices, so that the page stays alive and holds little of it.

import { fingerprint, isKey, lookAlikes } from "./rawkeys.js";

const SLICE = 1024 * 1024;
const OVERLAP = 47; // a key that two slices share
const SOME = 8192; // bytes that tell text from something else

const form = document.querySelector("[data-leaks]");
const text = form.querySelector("[data-leak-text]");
const file = form.querySelector("[data-leak-file]");
const drop = form.querySelector("[data-drop]");
const said = form.querySelector("[data-leak-said]");
const further = form.querySelector("[data-leak-further]");
let waiting = []; // fingerprints that were found and are not asked about yet

const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

function say(...lines) {
  said.replaceChildren(...lines.map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  }));
}

// What one text has: its keys, and what only looks like keys.
class Finds {
  keys = new Set();
  others = new Set();
  add(part) {
    for (const found of lookAlikes(part)) (isKey(found) ? this.keys : this.others).add(found);
  }
  words(isText) {
    if (this.keys.size) return counted(this.keys.size, "key");
    if (this.others.size)
      return `${this.others.size} looked like keys, but their checksums are wrong: cut off, mistyped, or made up`;
    return isText ? "no key" : "it could not be read as text, so a key in it would not be seen. Unpack it first";
  }
}

function encodingOf(start) {
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  return "utf-8";
}

async function read(given, finds) {
  const start = new Uint8Array(await given.slice(0, SOME).arrayBuffer());
  const encoding = encodingOf(start);
  const decoder = new TextDecoder(encoding);
  const packed = start[0] === 0x1f && start[1] === 0x8b;
  let rest = "";
  for (let at = 0; at < given.size; at += SLICE) {
    const part = rest + decoder.decode(await given.slice(at, at + SLICE).arrayBuffer(), { stream: true });
    finds.add(part);
    rest = part.slice(-OVERLAP);
  }
  return !packed && (encoding !== "utf-8" || !start.includes(0));
}

async function ask(keys, lines) {
  waiting = await Promise.all([...keys].map(fingerprint));
  say(...lines);
  if (waiting.length) next();
}

function next() {
  form.querySelector("[name=fingerprint]").value = waiting.splice(0, Number(form.dataset.most)).join(" ");
  further.hidden = !waiting.length;
  further.querySelector("[data-leak-left]").textContent = `${counted(waiting.length, "more key")} found, and not yet asked about.`;
  form.requestSubmit();
}

async function lookAtText() {
  const finds = new Finds();
  finds.add(text.value);
  if (finds.keys.size) text.value = "";
  await ask(finds.keys, [`In the text: ${finds.words(true)}.`]);
}

async function lookAtFiles(files) {
  const all = new Set();
  const lines = [];
  for (const given of files) {
    say(...lines, `Reading ${given.name} …`);
    const finds = new Finds();
    try {
      const isText = await read(given, finds);
      lines.push(`${given.name}: ${finds.words(isText)}.`);
    } catch {
      lines.push(`${given.name}: it could not be read. Is it a folder?`);
    }
    for (const key of finds.keys) all.add(key);
  }
  await ask(all, lines);
}

form.querySelector("[data-leak-look]").addEventListener("click", lookAtText);
further.querySelector("button").addEventListener("click", next);
file.addEventListener("change", async () => {
  await lookAtFiles([...file.files]);
  file.value = ""; // the same file may be chosen again
});
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.dataset.over = ""; });
drop.addEventListener("dragleave", () => delete drop.dataset.over);
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  delete drop.dataset.over;
  const { files } = event.dataTransfer;
  if (files.length) return lookAtFiles([...files]);
  text.value = event.dataTransfer.getData("text/plain");
  return text.focus();
});
form.addEventListener("htmx:after:swap", () => document.getElementById("found").scrollIntoView());
addEventListener("pagehide", () => { text.value = ""; });
