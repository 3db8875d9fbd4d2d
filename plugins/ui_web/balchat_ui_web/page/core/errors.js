/** What can go wrong with a call, as the account tells it. */

/** An error of the account, of the server, or of the connection (`connection-lost`). */
export class CallError extends Error {
  /**
   * @param {string} code the stable name of the error, such as `name-taken`
   * @param {Record<string, unknown>} fields particulars, by name
   * @param {string} message what it says in English, for a code that this page does not know
   */
  constructor(code, fields, message) {
    super(message);
    this.name = "CallError";
    this.code = code;
    this.fields = fields;
  }
}

/** Return the error of a call that was cut off with its connection. */
export function lost() {
  return new CallError("connection-lost", {}, "The connection to balchat was lost.");
}

/**
 * Return the error that an answer of the server has which is none that was asked for.
 * @param {Response} answer
 */
export async function refusal(answer) {
  const said = await answer.json().catch(() => null);
  const { code = "internal", fields = { kind: `HTTP ${answer.status}` }, message = "" } = said?.error ?? {};
  return new CallError(code, fields, message);
}

/**
 * Return the error that a JSON-RPC answer has.
 * @param {{message?: string, data?: {code?: string, fields?: Record<string, unknown>}}} error
 */
export function fromAnswer(error) {
  return new CallError(error.data?.code ?? "unknown", error.data?.fields ?? {}, error.message ?? "");
}
