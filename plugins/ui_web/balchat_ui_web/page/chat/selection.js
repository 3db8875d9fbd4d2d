/** Messages that are chosen together, to copy or delete them. */

import { signal } from "../vendor.js";
import { attempt } from "../conversations/actions.js";
import { call } from "../core/calls.js";
import { windowOf } from "../core/store.js";
import { t, time } from "../core/texts.js";
import { visible } from "../core/visible.js";
import { copyText } from "../parts/copy.js";
import { confirm } from "../parts/dialog.js";
import { authorOf, bareText } from "./words.js";
import { messageLine } from "../conversations/summary.js";

/** @type {import("../vendor.js").Signal<Set<string>>} */
export const selected = signal(new Set());
/** The message from which Shift extends what is chosen. */
let anchor = "";

/**
 * Choose a message, or no longer.
 * @param {string} id
 */
export function select(id) {
  const after = new Set(selected.peek());
  if (!after.delete(id)) after.add(id);
  anchor = id;
  selected.value = after;
}

/**
 * Choose all messages from the last one that was chosen to this one.
 * @param {string} id
 * @param {string[]} ids the messages in their order
 */
export function selectUpTo(id, ids) {
  const [from, to] = [ids.indexOf(anchor), ids.indexOf(id)].sort((one, other) => one - other);
  if (from === undefined || to === undefined || from < 0) select(id);
  else selected.value = new Set([...selected.peek(), ...ids.slice(from, to + 1)]);
}

export function selectNothing() {
  if (selected.peek().size > 0) selected.value = new Set();
}

/**
 * Return the chosen messages in the order in which they stand.
 * @param {string} conversation
 */
function chosen(conversation) {
  const window = windowOf(conversation);
  return window.ids
    .peek()
    .filter((id) => selected.peek().has(id))
    .map((id) => /** @type {App.MessageView} */ (window.messages.get(id)?.peek()));
}

/**
 * Return messages as they are copied: one alone as its bare text, several as `[time] author: text`.
 * @param {App.MessageView[]} messages
 */
export function copied(messages) {
  if (messages.length === 1) return bareText(/** @type {App.MessageView} */ (messages[0]));
  return messages
    .map((each) => {
      const text = each.deleted || each.text === null || each.text === "" ? messageLine(each) : visible(bareText(each));
      return `[${dateOf(each.sent_at)} ${time(each.sent_at)}] ${authorOf(each)}: ${text}`;
    })
    .join("\n");
}

/** @param {number} ms */
function dateOf(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "?";
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}

/** @param {string} conversation */
export async function copySelected(conversation) {
  if (await copyText(copied(chosen(conversation)))) selectNothing();
}

/** @param {string} conversation */
export async function deleteSelected(conversation) {
  const messages = chosen(conversation);
  const agreed = await confirm({ title: t("chat.delete-many-question", { count: messages.length }), text: t("chat.delete-here-hint"), action: t("chat.delete-here"), danger: true });
  if (!agreed) return;
  selectNothing();
  for (const each of messages) await attempt(call("messages.delete", { message: each.id, for_me: true }));
}
