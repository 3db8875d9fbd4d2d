/** What is said of a message: its state in words, and the one sentence that is read out. */

import { filesLine, messageLine, span } from "../conversations/summary.js";
import { hasText, known, t, time } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { isMarkdown, plain } from "./markdown.js";

/**
 * Return who wrote a message.
 * @param {{author: string | null}} message
 */
export function authorOf(message) {
  return message.author === null ? t("chat.you") : oneLine(message.author);
}

/**
 * Return a message's text without marks, whole.
 * @param {{text: string | null, content_type: string}} message
 */
export function bareText(message) {
  const text = message.text ?? "";
  return isMarkdown(message.content_type) ? plain(text) : text;
}

/**
 * Return how far a message of ours has come, and why it is no further.
 * @param {App.MessageView} message
 */
export function stateWords(message) {
  if (message.author !== null || message.state === "received") return "";
  const many = message.recipients > 1 && (message.state === "delivered" || message.state === "read");
  const state = many
    ? t("chat.delivered-to", { count: message.delivered_to, of: message.recipients })
    : t(`states.message.${message.state}`);
  return message.reason === null ? state : `${state}: ${refusalWords(message.reason)}`;
}

/**
 * Return why a message is no further: what the other side's balchat or a relay answered to it.
 * @param {string} reason
 */
export function refusalWords(reason) {
  return known(hasText(`states.refusal.${reason}`) ? "states.refusal" : "states.reason", reason);
}

/**
 * Return a message as one sentence.
 * @param {App.MessageView} message
 */
export function messageSentence(message) {
  if (message.timer !== null) return messageLine(message);
  const text = message.deleted || message.text === null ? messageLine(message) : oneLine(bareText(message));
  const reply = message.reply;
  const parts = [
    `${authorOf(message)}, ${time(message.sent_at)}: ${text}`,
    message.files.length > 0 && text !== "" && !message.deleted && filesLine(message.files),
    reply !== null && t("chat.in-reply-to", { name: authorOf(reply), text: replyLine(reply).slice(0, 80) }),
    message.edited && t("chat.edited"),
    ...message.reactions.map((each) => t("chat.reaction-count", { emoji: each.emoji, count: each.count })),
    expiryWords(message),
    stateWords(message),
  ];
  // What ends with a mark of its own needs none.
  return parts.filter(Boolean).reduce((all, part) => `${all}${/[.!?…]$/.test(String(all)) ? "" : "."} ${part}`).toString();
}

/**
 * Return the beginning of what a message answers.
 * @param {App.ReplyView} reply
 */
export function replyLine(reply) {
  if (reply.deleted) return t("chat.deleted");
  if (reply.text === null) return t("chat.unknown-content", { kind: oneLine(reply.content_type) });
  return oneLine(bareText(reply));
}

/**
 * Return when a message expires.
 * @param {App.MessageView} message
 * @param {number} [now]
 */
export function expiryWords(message, now = Date.now()) {
  if (message.expires_at !== null) {
    const left = Math.max(0, Math.round((message.expires_at - now) / 1000));
    return t("chat.expires-in", { time: span(rounded(left)) });
  }
  return message.expires_after === null ? "" : t("chat.expires-after", { time: span(message.expires_after) });
}

/** @param {number} seconds */
function rounded(seconds) {
  for (const length of [86_400, 3600, 60]) if (seconds >= length) return Math.round(seconds / length) * length;
  return seconds;
}
