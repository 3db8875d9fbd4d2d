/** What stands in the list of messages, and in which order: days, the line above what is unread, messages. */

import { daysBetween } from "../core/texts.js";

/**
 * @typedef {{kind: "day", key: string, at: number} | {kind: "unread", key: string}
 *   | {kind: "message", key: string, id: string, first: boolean, last: boolean}} Row
 */

/** Messages of one author that lie no further apart are one run. */
const RUN = 5 * 60_000;

/**
 * Return the rows of a window.
 * @param {string[]} ids
 * @param {(id: string) => App.MessageView | undefined} get
 * @param {string | null} unreadFrom the message above which the line stands
 * @returns {Row[]}
 */
export function rowsOf(ids, get, unreadFrom) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {App.MessageView | undefined} */
  let before;
  /** @type {(Row & {kind: "message"}) | undefined} */
  let run;
  for (const id of ids) {
    const message = get(id);
    if (message === undefined) continue;
    const newDay = before === undefined || daysBetween(before.sent_at, message.sent_at) !== 0;
    if (newDay) rows.push({ kind: "day", key: `day-${id}`, at: message.sent_at });
    if (id === unreadFrom) rows.push({ kind: "unread", key: "unread" });
    const goesOn =
      run !== undefined && before !== undefined && !newDay && id !== unreadFrom && before.author_id === message.author_id &&
      before.timer === null && message.timer === null && Math.abs(message.sent_at - before.sent_at) < RUN;
    if (goesOn && run !== undefined) run.last = false;
    run = { kind: "message", key: id, id, first: !goesOn, last: true };
    rows.push(run);
    before = message;
  }
  return rows;
}
