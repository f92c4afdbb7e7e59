/** Holds a text that no log, message or JSON may show. `reveal()` returns it. */
export class Secret {
  #text;

  constructor(text) {
    this.#text = text;
    Object.freeze(this);
  }

  reveal() {
    return this.#text;
  }

  toString() {
    return "****";
  }

  toJSON() {
    return "****";
  }

  [Symbol.for("nodejs.util.inspect.custom")]() {
    return "****";
  }
}

const tags = new WeakMap();

/** Return a document of the portal: its ETag is remembered, its secrets hide themselves. */
export function received(document, tag, secrets) {
  if (tag) tags.set(document, tag);
  if (secrets.length) hide(document, (name) => secrets.includes(name));
  return document;
}

/** Return the ETag of a record that the portal gave, or undefined. An entry of a list has none. */
export function tagOf(record) {
  return tags.get(record) ?? (Number.isInteger(record.version) ? `"${record.version}"` : undefined);
}

/** Return JSON for the portal, which may read the secrets. */
export function written(body) {
  return JSON.stringify(body, function (name, value) {
    return this[name] instanceof Secret ? this[name].reveal() : value;
  });
}

/** Hide the texts of secrets at every depth. A batch has a record in each of its results. */
function hide(document, isSecret) {
  for (const [name, value] of Object.entries(document)) {
    const isHidden = isSecret(name);
    if (isHidden && typeof value === "string") document[name] = new Secret(value);
    if (value && typeof value === "object") hide(value, isHidden ? () => true : isSecret);
  }
}

/** Tells why the portal refused a call. `code` is stable; `fields` names what needs attention. */
export class ApiError extends Error {
  constructor(status, problem, requestId, retryAfter) {
    super(`${problem.detail ?? "The portal refused the call."} (${status})`);
    this.status = status;
    this.code = problem.code ?? `http_${status}`;
    this.detail = problem.detail ?? "";
    this.fields = problem.errors ?? [];
    this.requestId = problem.request_id ?? requestId;
    this.retryAfter = retryAfter;
    this.current = problem.current;
  }
}

/** Tells that no usable answer came in time, so it is not known whether a write was done. */
export class ConnectionError extends Error {}

/** Tells why a webhook is not genuine. `code` is stable. */
export class VerificationError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

for (const kind of [ApiError, ConnectionError, VerificationError]) kind.prototype.name = kind.name;
