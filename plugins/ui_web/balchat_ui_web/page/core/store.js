/** What views read. See store/account.js. */

export * from "./store/account.js";
export { windowOf } from "./store/windows.js";
export { connection } from "./connection.js";
