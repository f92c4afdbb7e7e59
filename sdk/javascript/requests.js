import { tagOf, written } from "./values.js";

const OPTIONS = { m: "ifMatch", k: "idempotencyKey" };

/** Return an operation as `operations.js` writes it: method, path, letters, names of secrets. */
export function read(resource, verb, line) {
  const [method, below, letters, secrets] = line.split(" ");
  const path = below.replace(/^\./, `/${resource.replace(/[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}`);
  const named = [...letters].map((letter) => OPTIONS[letter]).filter(Boolean);
  return {
    name: `${resource}.${verb}`,
    method,
    path,
    letters,
    places: path.match(/\{\w+\}/g) ?? [],
    options: [...named, method !== "GET" && "validateOnly"],
    secrets: secrets?.split(",") ?? [],
    isList: letters.includes("l"),
    repeatedAfter: repeatedAfter(method, letters.includes("k")),
  };
}

/** Return the statuses after which a call is sent again: 0 if nobody knows whether it was done. */
function repeatedAfter(method, hasKey) {
  if (method === "GET" || hasKey) return [0, 429, 502, 503, 504];
  // These answers say that it was not.
  return method === "PUT" || method === "DELETE" ? [429, 503] : [429];
}

/** Return the request that a call asks for. Throws TypeError if the call cannot be meant so. */
export function prepare({ letters, ...operation }, given, cursor) {
  const { name, method } = operation;
  const ids = given.slice(0, operation.places.length);
  const [input, chosen, ...rest] = given.slice(ids.length);
  const { signal, timeout, ...options } = chosen ?? {};
  const hasInput = Object.keys(input ?? {}).length > 0;
  if (rest.length) throw new TypeError(`${name} takes fewer arguments`);
  // Options in the place of a body: the work would be done without them.
  if (hasInput && !letters.includes("i")) throw new TypeError(`${name} takes no body or parameters`);
  for (const option of Object.keys(options)) {
    if (!operation.options.includes(option)) throw new TypeError(`${name} has no option ${option}`);
  }
  const hasBody = letters.includes("i") && method !== "GET" && method !== "DELETE";
  return {
    ...operation,
    path: filled(operation, ids) + queryOf({ ...(!hasBody && input), ...(cursor && { cursor }) }),
    body: hasBody ? written(input ?? {}) : undefined,
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
