import { OPERATIONS } from "./operations.js";
import { prepare, read } from "./requests.js";
import { transport } from "./transport.js";

export { ApiError, ConnectionError, Secret, VerificationError } from "./values.js";
export { verify } from "./webhooks.js";

/** Calls the REST API: `client.integration.<resource>.<verb>(…ids, input, options)`. */
export class Client {
  constructor({ baseUrl, token, timeout = 30_000 }) {
    const send = transport(baseUrl, token, timeout);
    this.integration = mapped(OPERATIONS, (verbs, resource) =>
      mapped(verbs, (line, verb) => methodOf(read(resource, verb, line), send)),
    );
    Object.freeze(this);
  }
}

function methodOf(operation, send) {
  const call = async (given, cursor) => send(prepare(operation, given, cursor));
  return operation.isList
    ? (...given) => new List((cursor) => call(given, cursor))
    : (...given) => call(given);
}

function mapped(object, change) {
  const entries = Object.entries(object).map(([name, value]) => [name, change(value, name)]);
  return Object.freeze(Object.fromEntries(entries));
}

/** Gives the first page to `await`, and every entry to `for await`. Each of them asks anew. */
class List {
  #page;

  constructor(page) {
    this.#page = page;
  }

  then(fulfilled, rejected) {
    return this.#page().then(fulfilled, rejected);
  }

  catch(rejected) {
    return this.then(undefined, rejected);
  }

  finally(settled) {
    return this.#page().finally(settled);
  }

  async *[Symbol.asyncIterator]() {
    let cursor;
    do {
      const page = await this.#page(cursor);
      for (const each of page.items) yield each; // quicker than yield*
      cursor = page.next_cursor;
    } while (cursor);
  }
}
