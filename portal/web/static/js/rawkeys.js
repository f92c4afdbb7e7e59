// What a raw key looks like (portal/keys/format.py), and its fingerprint: what may leave a page.

const SHAPE = /(?<![A-Za-z0-9])sk-[a-z0-9]{4}-[usv][0-9A-Za-z]{38}(?![A-Za-z0-9])/g;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK = 6;

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

export const lookAlikes = (text) => text.match(SHAPE) ?? [];

export const isKey = (text) => base62(crc32(encoder.encode(text.slice(0, -CHECK)))) === text.slice(-CHECK);

export async function fingerprint(key) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(key)));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
