import type { Integration } from "./operations.js";

export type * from "./operations.js";

/** Calls the REST API of the portal. */
export class Client {
  /**
   * `baseUrl` is the portal's address, `token` an access token or an API key, or a function that
   * returns the current one. `timeout` bounds each call, retries included, in milliseconds.
   */
  constructor(options: {
    baseUrl: string | URL;
    token: string | (() => string | Promise<string>);
    timeout?: number;
  });
  readonly integration: Integration;
}

/** The id of a record, or a record that the portal gave: then a write sends its ETag. */
export type Held = string | { readonly id: string };

/** The place of a body or of parameters, which an operation does not have yet. */
export type Nothing = Record<string, never>;

interface AllOptions {
  /** Cancels the call. */
  signal?: AbortSignal;
  /** Bounds this call, in milliseconds. */
  timeout?: number;
  /** Does the work only if the record has this ETag, such as `"3"` with its quotes. */
  ifMatch?: string;
  /** Names this call, so that it is done once however often it is sent. */
  idempotencyKey?: string;
  /** Checks everything and changes nothing. */
  validateOnly?: boolean;
}

/** The options of a call. Others than those of its operation are refused. */
export type Options<Name extends keyof AllOptions = never> = Pick<
  AllOptions,
  "signal" | "timeout" | Name
>;

/** Gives the first page to `await`, and every entry of every page to `for await`. */
export interface List<Item, Page> extends Promise<Page>, AsyncIterable<Item> {}

/** A value of which each text is a secret. */
export type Hidden<Value> = Value extends string
  ? Secret
  : Value extends Record<string, string>
    ? Record<string, Secret>
    : Value;

/** An answer with secrets. They are null if the answer is repeated. */
export type Revealed<Answer, Name extends keyof Answer> = Omit<Answer, Name> & {
  [Key in Name]-?: Hidden<Answer[Key]>;
};

/** Holds a text that no log, message or JSON may show. */
export class Secret {
  constructor(text: string);
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

/** Tells why the portal refused a call. */
export class ApiError extends Error {
  private constructor();
  /** Status of the response, such as 422. */
  readonly status: number;
  /** Stable name of the reason, such as `not_found`. */
  readonly code: string;
  readonly detail: string;
  /** Fields that need attention. */
  readonly fields: readonly { readonly field: string; readonly message: string }[];
  /** Id of the request, for the operators of the platform. */
  readonly requestId: string | null;
  /** Milliseconds to wait before another try, if the portal says so. */
  readonly retryAfter?: number;
  /** The stored record, on a conflict of versions. */
  readonly current?: unknown;
}

/** Tells that no usable answer came in time, so it is not known whether a write was done. */
export class ConnectionError extends Error {}

/** Tells why a webhook is not genuine. Answer with 401. */
export class VerificationError extends Error {
  constructor(code: VerificationError["code"], message: string);
  readonly code:
    | "no_secret"
    | "bad_key"
    | "missing_header"
    | "repeated_header"
    | "bad_id"
    | "bad_timestamp"
    | "too_old"
    | "too_new"
    | "malformed_signature"
    | "other_kind"
    | "no_match"
    | "not_json";
}

/**
 * Return the event of a genuine webhook (Standard Webhooks). Throws VerificationError otherwise, and
 * nothing else.
 *
 * `headers` are those of the request, `body` is its raw text or bytes. `secret` is a `whsec_…`, a
 * public key `whpk_…`, or a list of them during a rotation. `tolerance` and `now` are in seconds.
 */
export function verify<Event = Record<string, unknown>>(
  headers:
    | Iterable<[string, string]>
    | Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string | ArrayBuffer | ArrayBufferView,
  secret: string | Secret | readonly (string | Secret)[],
  options?: { tolerance?: number; now?: number },
): Promise<Event>;
