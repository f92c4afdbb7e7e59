import { Secret, VerificationError } from "./values.js";

const NAMES = ["webhook-id", "webhook-timestamp", "webhook-signature"];
const ID = /^[!-\-/-~]{1,256}$/; // visible ASCII without "."
const BASE64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/;
const REASONS = {
  no_secret: "No secret was given",
  bad_key: "A secret is whsec_ or whpk_ and base64",
  missing_header: "A webhook header is missing",
  repeated_header: "A webhook header is there twice",
  bad_id: "webhook-id is malformed",
  bad_timestamp: "webhook-timestamp is malformed",
  malformed_signature: "webhook-signature is malformed",
  too_old: "It was signed too long ago",
  too_new: "It was signed in the future: compare the clocks",
  other_kind: "It is signed in a way that this secret cannot verify",
  no_match: "Another secret signed it, or the body was changed",
  not_json: "The body is not a JSON object",
};

/** Return the event of a genuine webhook, or throw VerificationError, whatever it is called with. */
export async function verify(headers, body, secret, options) {
  const { tolerance = 300, now = Date.now() / 1000 } = options ?? {};
  try {
    return await verified(headers, body, [secret].flat(), now, tolerance);
  } catch (error) {
    // A header or a body that is no text and no bytes: nothing was signed.
    throw error instanceof VerificationError ? error : refusal("no_match");
  }
}

function refusal(code) {
  return new VerificationError(code, REASONS[code]);
}

function need(condition, code) {
  if (!condition) throw refusal(code);
}

async function verified(headers, body, secrets, now, tolerance) {
  need(secrets.length, "no_secret");
  const keys = await Promise.all(secrets.map(keyOf));
  const [id, timestamp, signatures] = valuesOf(headers);
  need(ID.test(id), "bad_id");
  need(/^\d{1,12}$/.test(timestamp), "bad_timestamp");
  need(signatures.length <= 4096, "malformed_signature");
  need(!(now - timestamp > tolerance), "too_old");
  need(timestamp - now <= tolerance, "too_new");
  need(typeof body === "string" || body instanceof ArrayBuffer || ArrayBuffer.isView(body), "no_match");
  const raw = await new Blob([body]).arrayBuffer();
  const signed = await new Blob([`${id}.${timestamp}.`, raw]).arrayBuffer();
  await match(keys, signatures.split(" "), signed);
  return eventOf(raw);
}

function valuesOf(headers) {
  const found = {};
  const isIterable = typeof headers?.[Symbol.iterator] === "function";
  for (const [name, value] of isIterable ? headers : Object.entries(headers ?? {})) {
    const known = `${name}`.toLowerCase();
    if (!NAMES.includes(known) || typeof value !== "string") continue;
    need((found[known] ??= value) === value, "repeated_header");
  }
  need(NAMES.every((name) => found[name]), "missing_header");
  return NAMES.map((name) => found[name]);
}

/** Try every entry with every key of its own kind: a public key never serves as a shared secret. */
async function match(keys, signatures, signed) {
  const entries = signatures
    .map((entry) => /^([^,]*),(.+)$/s.exec(entry) ?? [])
    .map(([, version, encoded]) => ({ version, signature: decoded(encoded) }))
    .filter(({ signature }) => signature);
  need(entries.length, "malformed_signature");
  const pairs = entries.flatMap(({ version, signature }) =>
    keys.filter((key) => key.version === version).map((key) => ({ ...key, signature })),
  );
  need(pairs.length, "other_kind");
  for (const { algorithm, key, signature } of pairs) {
    if (await crypto.subtle.verify(algorithm, key, signature, signed)) return;
  }
  need(false, "no_match");
}

async function keyOf(secret) {
  const text = secret instanceof Secret ? secret.reveal() : secret;
  const [, kind, encoded] = /^(whsec|whpk)_(.+)$/s.exec(text) ?? [];
  const raw = decoded(encoded);
  const isShared = kind === "whsec";
  // The message never shows the text: it may be a secret of another kind.
  need(raw && (isShared ? raw.length >= 16 && raw.length <= 64 : raw.length === 32), "bad_key");
  const algorithm = isShared ? { name: "HMAC", hash: "SHA-256" } : { name: "Ed25519" };
  const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["verify"]);
  return { version: isShared ? "v1" : "v1a", algorithm, key };
}

function eventOf(raw) {
  let event;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw));
  } catch {
    // Refused below, like JSON that is no object.
  }
  need(event && typeof event === "object" && !Array.isArray(event), "not_json");
  return event;
}

function decoded(text) {
  return text && BASE64.test(text) ? Uint8Array.from(atob(text), (each) => each.charCodeAt(0)) : null;
}
