import { ApiError, ConnectionError, received } from "./values.js";

const ATTEMPTS = 4;
const FIRST_WAIT = 200;

/** Return the function that sends a prepared request, repeats it if that is safe, and reads it. */
export function transport(baseUrl, token, usualTimeout) {
  const base = `${new URL(baseUrl)}`.replace(/\/*$/, "/api/v1/integration");

  return async function send(request) {
    const timeout = request.timeout ?? usualTimeout;
    const end = performance.now() + timeout;
    const deadline = AbortSignal.timeout(timeout);
    const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
    // The deadline alone keeps no process alive: Node.js would end without an answer.
    const alive = setInterval(() => {}, 60_000);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await tried(base, await header(token), request, signal);
        } catch (error) {
          request.signal?.throwIfAborted();
          const wait = error.retryAfter ?? Math.random() * FIRST_WAIT * 2 ** attempt;
          const isUnknown = error instanceof ConnectionError || error.code === "unknown_outcome";
          const status = isUnknown ? 0 : error.status;
          const isOver = attempt === ATTEMPTS || performance.now() + wait >= end;
          if (isOver || !request.repeatedAfter.includes(status)) throw error;
          await pause(wait, signal);
        }
      }
    } finally {
      clearInterval(alive);
    }
  };
}

async function header(token) {
  const value = typeof token === "function" ? await token() : token;
  // Refused here: the message of fetch would show the token.
  if (!/^[!-~]+$/.test(value ?? "")) throw new TypeError("The token is missing or malformed");
  return `Bearer ${value}`;
}

async function tried(base, authorization, { path, method, headers, body, secrets }, signal) {
  let response, text;
  try {
    response = await fetch(base + path, {
      method,
      headers: {
        ...headers,
        Accept: "application/json",
        Authorization: authorization,
        ...(body && { "Content-Type": "application/json" }),
      },
      body,
      signal,
      redirect: "error", // the token is for this host alone
      credentials: "omit",
      cache: "no-store",
    });
    text = await response.text();
  } catch (cause) {
    throw new ConnectionError("The portal did not answer in time or in full", { cause });
  }
  const found = parsed(response, text);
  if (!response.ok) throw problem(response, found);
  if (response.status === 204) return undefined;
  if (!found) throw new ConnectionError("The answer is not the JSON of a portal");
  return received(found, response.headers.get("ETag"), secrets);
}

function problem({ status, headers }, found) {
  const after = headers.get("Retry-After");
  const wait = /^\d+$/.test(after) ? after * 1000 : Date.parse(after) - Date.now();
  const retryAfter = wait >= 0 ? wait : undefined;
  return new ApiError(status, found ?? {}, headers.get("X-Request-Id"), retryAfter);
}

/** Return the object in an answer, or undefined if it is cut short or of another kind. */
function parsed({ headers }, text) {
  if (!/^application\/([\w.-]+\+)?json\b/.test(headers.get("Content-Type"))) return undefined;
  try {
    const found = JSON.parse(text);
    return typeof found === "object" ? (found ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

function pause(wait, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, wait);
    signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
  });
}
