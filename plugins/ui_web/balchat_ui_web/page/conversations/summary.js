/** What a row of the list says of a conversation: in sight, and as the one sentence that is read out. */

import { isMarkdown, plain } from "../chat/markdown.js";
import { duration, shortTime, t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";

/** Characters of a message that a row has room for. */
const MOST = 140;

/**
 * Return a message's text on one line, whatever it holds.
 * @param {App.MessageView} message
 */
export function messageLine(message) {
  if (message.deleted) return t("chat.deleted");
  if (message.timer !== null) return timerLine(message);
  const text = message.text ?? "";
  const shown = isMarkdown(message.content_type) ? plain(text.slice(0, 4 * MOST)) : text.slice(0, 4 * MOST);
  const line = oneLine(shown).slice(0, MOST);
  if (message.files.length === 0) {
    return line !== "" || message.text !== null ? line : t("chat.unknown-content", { kind: oneLine(message.content_type) });
  }
  const files = filesLine(message.files);
  return line === "" ? files : `${line} · ${files}`;
}

/**
 * Return what is said of the files of a message: a voice note by its length, for its name is no one's choice.
 * @param {App.FileView[]} files
 */
export function filesLine(files) {
  const [first] = files;
  if (files.length === 1 && first?.voice) return t("voice.of", { time: duration(first.voice.duration) });
  return t("chat.files", { count: files.length, name: oneLine(first?.name ?? "") });
}

/**
 * Return what is said where somebody has set the timer.
 * @param {App.MessageView} message
 */
export function timerLine(message) {
  const after = message.timer?.expire_after ?? null;
  const who = message.author === null ? t("chat.you") : oneLine(message.author);
  return after === null ? t("chat.timer-off", { name: who }) : t("chat.timer-on", { name: who, time: span(after) });
}

/**
 * Return a length of time in its largest unit that fits.
 * @param {number} seconds
 */
export function span(seconds) {
  const units = /** @type {const} */ ([
    ["weeks", 604_800],
    ["days", 86_400],
    ["hours", 3600],
    ["minutes", 60],
  ]);
  for (const [unit, length] of units) {
    if (seconds >= length && seconds % length === 0) return t(`time.${unit}`, { count: seconds / length });
  }
  return t("time.seconds", { count: seconds });
}

/**
 * Return what stands on the second line, and what kind of thing it is.
 * @param {App.ConversationView} view
 * @param {string} draft
 * @returns {{kind: "draft" | "failed" | "state" | "message", text: string, own: boolean}}
 */
export function preview(view, draft) {
  const last = view.last_message;
  if (draft.trim() !== "") return { kind: "draft", text: oneLine(draft).slice(0, MOST), own: false };
  if (last?.state === "failed") return { kind: "failed", text: messageLine(last), own: true };
  if (last === null) {
    const state = view.contact?.state;
    if (state === "adding" || state === "requested") return { kind: "state", text: t(`states.contact.${state}`), own: false };
    return { kind: "state", text: t(view.kind === "self" ? "conversations.notes-hint" : "conversations.no-messages"), own: false };
  }
  return { kind: "message", text: messageLine(last), own: last.author === null && last.timer === null && view.kind !== "self" };
}

/**
 * Return a conversation's title; the one with ourselves has a name in the person's language.
 * @param {App.ConversationView} view
 */
export function titleOf(view) {
  return view.kind === "self" ? t("conversations.notes") : oneLine(view.title);
}

/**
 * Return a row as one sentence: who, how much is unread, how it is, and then what was last.
 * @param {App.ConversationView} view
 * @param {string} draft
 */
export function sentence(view, draft) {
  const { kind, text, own } = preview(view, draft);
  const last = view.last_message;
  return [
    titleOf(view),
    view.unread > 0 && t("conversations.unread", { count: view.unread }),
    view.mentions > 0 && t("conversations.mentions", { count: view.mentions }),
    view.muted && t("conversations.muted"),
    view.archived && t("conversations.archived"),
    view.contact?.blocked && t("conversations.blocked"),
    kind === "draft" && t("conversations.draft"),
    kind === "failed" && t("states.message.failed"),
    own ? `${t("chat.you")}: ${text}` : text,
    last !== null && kind !== "draft" && shortTime(last.sent_at),
  ]
    .filter(Boolean)
    .join(", ");
}
