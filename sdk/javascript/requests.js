import { tagOf, written } from "./records.js";

const OPTIONS = { m: "ifMatch", k: "idempotencyKey", v: "validateOnly" };

/** Return an operation as `operations.js` writes it: method, path, letters, names of secrets. */
export function read(name, line) {
  const [method, path, letters, secrets] = line.split(" ");
  const named = [...letters].map((letter) => OPTIONS[letter]).filter(Boolean);
  return {
    name,
    method,
    path,
    letters,
    places: path.match(/\{\w+\}/g) ?? [],
    options: ["signal", "timeout", ...named],
    secrets: secrets?.split(",") ?? [],
    isList: letters.includes("l"),
    // A repeated PATCH, or a POST without a key, could do its work twice.
    isRepeatable: letters.includes("k") || (method !== "POST" && method !== "PATCH"),
  };
}

/** Return the request that a call asks for. Throws TypeError if the call cannot be meant so. */
export function prepare({ letters, ...operation }, given, cursor) {
  const rest = [...given];
  const ids = rest.splice(0, operation.places.length);
  const body = letters.includes("b") ? rest.shift() : undefined;
  const parameters = letters.includes("q") ? rest.shift() : undefined;
  const { signal, timeout, ...options } = rest.shift() ?? {};
  if (rest.length) throw new TypeError(`${operation.name} takes fewer arguments`);
  for (const name of Object.keys(options)) {
    // A misspelt validateOnly must not do the work.
    if (!operation.options.includes(name)) throw new TypeError(`${operation.name} has no option ${name}`);
  }
  return {
    ...operation,
    path: filled(operation, ids) + queryOf({ ...parameters, ...(cursor && { cursor }) }),
    body: written(body),
    headers: headersOf(operation, ids, options),
    signal,
    timeout,
  };
}

function filled({ name, path, places }, ids) {
  return places.reduce((filling, place, number) => {
    const id = ids[number]?.id ?? ids[number];
    // The URL standard takes away "." and "..": the call would go to another address.
    if (typeof id !== "string" || /^\.{0,2}$/.test(id)) throw new TypeError(`${name} needs ${place}`);
    return filling.replace(place, () => encodeURIComponent(id));
  }, path);
}

function queryOf(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value != null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

function headersOf({ options }, ids, { ifMatch, idempotencyKey, validateOnly }) {
  const record = ids.find((id) => typeof id === "object");
  const headers = {};
  if (record && options.includes("ifMatch")) ifMatch ??= tagOf(record);
  if (options.includes("idempotencyKey")) idempotencyKey ??= crypto.randomUUID();
  if (ifMatch) headers["If-Match"] = ifMatch;
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  if (validateOnly) headers.Prefer = "validate-only";
  return headers;
}
