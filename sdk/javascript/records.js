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
  for (const name of secrets) document[name] = hidden(document[name]);
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

function hidden(value) {
  if (typeof value === "string") return new Secret(value);
  return value && Object.fromEntries(Object.entries(value).map(([name, each]) => [name, hidden(each)]));
}
