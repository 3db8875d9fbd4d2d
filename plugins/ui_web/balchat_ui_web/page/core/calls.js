/** What views import to ask the account something. */

export { call, connection, stream } from "./connection.js";
export { CallError } from "./errors.js";
export { authorized } from "./session.js";
