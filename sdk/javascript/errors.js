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
