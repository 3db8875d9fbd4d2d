/** What can be done with a message: the items of its menu, and the calls behind them. */

import { signal } from "../vendor.js";
import { attempt } from "../conversations/actions.js";
import { call } from "../core/calls.js";
import { go } from "../core/route.js";
import { capabilities } from "../core/store.js";
import { t } from "../core/texts.js";
import { copyText } from "../parts/copy.js";
import { confirm } from "../parts/dialog.js";
import { select } from "./selection.js";
import { bareText } from "./words.js";

/** @typedef {{conversation: string, message: App.MessageView, kind: "reply" | "edit"}} Context */

/** @type {import("../vendor.js").Signal<Context | null>} What the composer answers or edits. */
export const context = signal(null);
/** @type {import("../vendor.js").Signal<{message: App.MessageView, at: HTMLElement} | null>} For whom an emoji is chosen. */
export const reacting = signal(null);

/** @param {App.MessageView} message */
export function reply(message) {
  context.value = { conversation: message.conversation, message, kind: "reply" };
  focusComposer();
}

/** @param {App.MessageView} message */
export function edit(message) {
  context.value = { conversation: message.conversation, message, kind: "edit" };
  focusComposer();
}

export function focusComposer() {
  /** @type {HTMLElement | null} */ (document.getElementById("composer"))?.focus();
}

/**
 * Return whether a message can be answered, reacted to, and so on: it is there, and it is a message.
 * @param {App.MessageView} message
 */
export function isOpen(message) {
  return !message.deleted && message.timer === null;
}

/**
 * React with an emoji, or take it back where it is there.
 * @param {App.MessageView} message
 * @param {string} emoji
 */
export function react(message, emoji) {
  const remove = message.reactions.some((each) => each.emoji === emoji && each.ours);
  return attempt(call("messages.react", { message: message.id, emoji, remove }));
}

/** @param {App.MessageView} message */
export function retry(message) {
  return attempt(call("messages.retry", { message: message.id }));
}

/** @param {App.MessageView} message */
async function deleteForAll(message) {
  // Where it was edited, the state is that of the edit.
  const waits = message.state === "queued" && !message.edited && !message.delivered_to;
  const text = t(waits ? "chat.delete-waiting-hint" : "chat.delete-hint");
  const agreed = await confirm({ title: t("chat.delete-question"), text, action: t("chat.delete-for-all"), danger: true });
  if (agreed) await attempt(call("messages.delete", { message: message.id }));
}

/** @param {App.MessageView} message */
async function deleteHere(message) {
  const agreed = await confirm({ title: t("chat.delete-here-question"), text: t("chat.delete-here-hint"), action: t("chat.delete-here"), danger: true });
  if (agreed) await attempt(call("messages.delete", { message: message.id, for_me: true }));
}

/**
 * Return the items of a message's menu.
 * @param {App.MessageView} message
 * @param {HTMLElement} at where the menu is, for what opens from it
 * @returns {import("../parts/menu.js").MenuItem[]}
 */
export function messageItems(message, at) {
  const offers = (/** @type {string} */ method) => capabilities.peek().has(method);
  const [open, ours] = [isOpen(message), message.author === null];
  /** @type {[boolean, import("../parts/menu.js").MenuItem][]} */
  const items = [
    [ours && message.state === "failed" && offers("messages.retry"), { icon: "refresh", label: t("common.retry"), onSelect: () => void retry(message) }],
    [open, { icon: "reply", label: t("chat.reply"), keys: "R", onSelect: () => reply(message) }],
    [open && offers("messages.react"), { icon: "smile", label: t("chat.react"), keys: "E", onSelect: () => (reacting.value = { message, at }) }],
    [open && message.text !== null, { icon: "copy", label: t("common.copy"), onSelect: () => void copyText(bareText(message)) }],
    [open && ours && message.text !== null && offers("messages.edit"), { icon: "edit", label: t("chat.edit"), onSelect: () => edit(message) }],
    [message.timer === null, { icon: "check", label: t("chat.select"), onSelect: () => select(message.id) }],
    [message.timer === null, { icon: "info", label: t("chat.info"), onSelect: () => go("message-info", { conversation: message.conversation, message: message.id }) }],
    [true, null],
    [offers("messages.delete"), { icon: "trash", label: t("chat.delete-here"), danger: true, onSelect: () => void deleteHere(message) }],
    [open && ours && offers("messages.delete"), { icon: "trash", label: t("chat.delete-for-all"), danger: true, onSelect: () => void deleteForAll(message) }],
  ];
  return items.filter(([offered]) => offered).map(([, item]) => item);
}
