// The leak desk: finds keys in a text, and asks for them by SHA-256. No key leaves this page.

const SHAPE = /(?<![A-Za-z0-9])sk-[a-z0-9]{4}-[usv][0-9A-Za-z]{38}(?![A-Za-z0-9])/g;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK = 6;
const MOST = 50;
const LARGEST = 50 * 1024 * 1024;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});

function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 0xff];
  return (sum ^ 0xffffffff) >>> 0;
}

function base62(number) {
  let text = "";
  for (let rest = number; rest > 0; rest = Math.floor(rest / 62)) text = DIGITS[rest % 62] + text;
  return text.padStart(CHECK, "0");
}

const encoder = new TextEncoder();
const holds = (key) => base62(crc32(encoder.encode(key.slice(0, -CHECK)))) === key.slice(-CHECK);

async function fingerprint(key) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(key)));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const form = document.querySelector("[data-leaks]");
const text = form.querySelector("[data-leak-text]");
const file = form.querySelector("[data-leak-file]");
const drop = form.querySelector("[data-drop]");
const said = form.querySelector("[data-leak-said]");

async function look() {
  const found = [...new Set(text.value.match(SHAPE) ?? [])];
  const keys = found.filter(holds);
  for (const input of form.querySelectorAll("input[name=fingerprint]")) input.remove();
  if (!keys.length) {
    said.textContent = found.length
      ? `${found.length} looked like keys, but their checksums are wrong: cut off, mistyped, or made up.`
      : "No key is in this text.";
    return;
  }
  for (const key of keys.slice(0, MOST)) {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name: "fingerprint", value: await fingerprint(key) });
    form.append(input);
  }
  said.textContent = keys.length > MOST
    ? `${keys.length} keys; asking for the first ${MOST}.`
    : `${keys.length} found; asking whose they are.`;
  text.value = "";
  form.submit();
}

async function read(given) {
  if (!given) return;
  if (given.size > LARGEST) {
    said.textContent = "This file is larger than 50 MB. Cut it into pieces.";
    return;
  }
  text.value = await given.text();
  await look();
}

form.querySelector("[data-leak-look]").addEventListener("click", look);
file.addEventListener("change", () => read(file.files[0]));
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.dataset.over = ""; });
drop.addEventListener("dragleave", () => delete drop.dataset.over);
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  delete drop.dataset.over;
  read(event.dataTransfer.files[0]);
});
addEventListener("pagehide", () => { text.value = ""; });
