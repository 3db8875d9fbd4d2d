/**
 * Sending what stands in the composer. A message is never sent twice: where the connection is lost meanwhile, nobody
 * knows whether it was sent, so its text is put back only once all that happened is here and it is not among it.
 */

import { signal } from "../vendor.js";
import { CallError, call } from "../core/calls.js";
import { onCaughtUp } from "../core/follow.js";
import { draftOf, hasLeft, leaves, setDraft } from "../core/store/drafts.js";
import { knownWindow } from "../core/store/windows.js";
import { messageCame } from "../core/store/conversations.js";
import { conversations } from "../core/store/account.js";
import { errorText, t } from "../core/texts.js";
import { underway } from "../core/underway.js";
import { haveLeft, idsOf, stay } from "../files/staging.js";
import { context } from "./actions.js";
import { looksLikeMarkdown } from "./markdown.js";
import { ownSince } from "./own.js";

/** Milliseconds in which a message is sent, and known here, once the last of its files is written. */
export const SETTLED = 5000;

/** @type {import("../vendor.js").Signal<Map<string, string>>} Why something could not be sent, by conversation. */
export const sendErrors = signal(new Map());
/** @type {import("../vendor.js").Signal<{conversation: string} | null>} Where this window last sent something: its list goes to the end. */
export const lastSent = signal(null);

/**
 * Send a text with its files. What could not be sent stands where it was written, before what was written since.
 * @param {{conversation: string, text: string, files: import("../files/staging.js").Staged[], names: string[], answers: App.MessageView | null}} what
 */
export async function send({ conversation, text, files, names, answers }) {
  setError(conversation, null);
  const began = Date.now();
  const waits = files.some((each) => each.state === "writing");
  const mine = { conversation, files: idsOf(files) };
  leaves(conversation, text, { waits });
  if (waits) underway.value = [...underway.value, mine];
  const known = () => {
    underway.value = underway.value.filter((each) => each !== mine);
  };
  const putBack = (/** @type {unknown} */ error) => {
    const since = draftOf(conversation);
    hasLeft(conversation, { sent: false });
    setDraft(conversation, since === "" ? text : `${text}\n${since}`);
    stay(conversation, files);
    setError(conversation, `${t("chat.not-sent")} ${errorText(error)}`);
  };
  try {
    // The server waits for what is still written; meanwhile the screen may lock.
    const message = await call(waits ? "web.send_when_written" : "messages.send", {
      conversation, text, reply_to: answers?.id ?? null, markdown: looksLikeMarkdown(text), mentions: mentioned(text, names), files: mine.files,
    });
    known();
    hasLeft(conversation, { sent: true });
    haveLeft(conversation, files);
    messageCame(message);
    knownWindow(conversation)?.added(message);
    lastSent.value = { conversation };
  } catch (error) {
    if (error instanceof CallError && error.code === "connection-lost") {
      if (waits && (await Promise.all(files.map((each) => each.done))).every(Boolean)) await new Promise((done) => setTimeout(done, SETTLED));
      onCaughtUp(() => {
        known();
        if (ownSince(conversation, text, began)) hasLeft(conversation, { sent: true });
        else putBack(error);
      });
    } else {
      known();
      putBack(error);
      if (answers !== null) context.value ??= { conversation, kind: "reply", message: answers };
    }
  }
}

/**
 * Put a text in place of a message of ours. Return whether it was taken.
 * @param {string} conversation
 * @param {string} message
 * @param {string} text
 * @param {string[]} names
 */
export async function edited(conversation, message, text, names) {
  setError(conversation, null);
  try {
    const changed = await call("messages.edit", { message, text, mentions: mentioned(text, names), markdown: looksLikeMarkdown(text) });
    knownWindow(conversation)?.changed(changed);
    if (context.peek()?.message.id === message) context.value = null;
    return true;
  } catch (error) {
    setError(conversation, errorText(error));
    return false;
  }
}

/** @param {string} text @param {string[]} names */
function mentioned(text, names) {
  return names.filter((each) => text.includes(`@${each}`));
}

/**
 * @param {string} conversation
 * @param {string | null} text
 */
export function setError(conversation, text) {
  if (text === null && !sendErrors.peek().has(conversation)) return;
  const after = new Map(sendErrors.peek());
  if (text === null) after.delete(conversation);
  else after.set(conversation, text);
  sendErrors.value = after;
}

/**
 * Return the names of those who can be mentioned in a conversation.
 * @param {string} conversation
 */
export function mentionable(conversation) {
  const contact = conversations.get(conversation)?.peek().contact;
  return contact === null || contact === undefined ? [] : [contact.name];
}
