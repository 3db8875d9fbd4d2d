/**
 * Sending what stands in the composer. A message is never sent twice: where the connection is lost meanwhile, nobody
 * knows whether it was sent, so its text is put back only once all that happened is here and it is not among it.
 */

import { signal } from "../vendor.js";
import { CallError, call } from "../core/calls.js";
import { onCaughtUp } from "../core/follow.js";
import { sent, setDraft } from "../core/store/drafts.js";
import { knownWindow } from "../core/store/windows.js";
import { messageCame } from "../core/store/conversations.js";
import { conversations } from "../core/store/account.js";
import { errorText, t } from "../core/texts.js";
import { context } from "./actions.js";
import { looksLikeMarkdown } from "./markdown.js";
import { ownSince } from "./own.js";

/** @type {import("../vendor.js").Signal<Map<string, string>>} Why something could not be sent, by conversation. */
export const sendErrors = signal(new Map());

/**
 * Send a text, or put it in place of the message that is being edited. Return whether it was taken.
 * @param {{conversation: string, text: string, files: string[], names: string[]}} what
 */
export async function send({ conversation, text, files, names }) {
  const now = context.peek()?.conversation === conversation ? context.peek() : null;
  const mentions = names.filter((each) => text.includes(`@${each}`));
  const markdown = looksLikeMarkdown(text);
  if (now?.kind === "edit") return edit(conversation, now.message.id, { text, mentions, markdown });
  context.value = null;
  setError(conversation, null);
  sent(conversation);
  const began = Date.now();
  try {
    const reply_to = now === null ? null : now.message.id;
    const message = await call("messages.send", { conversation, text, reply_to, markdown, mentions, files });
    messageCame(message);
    knownWindow(conversation)?.added(message);
    return true;
  } catch (error) {
    if (error instanceof CallError && error.code === "connection-lost") {
      onCaughtUp(() => {
        if (!ownSince(conversation, text, began)) putBack(conversation, text, error);
      });
    } else {
      putBack(conversation, text, error);
      context.value ??= now;
    }
    return false;
  }
}

/**
 * @param {string} conversation
 * @param {string} text
 * @param {unknown} error
 */
function putBack(conversation, text, error) {
  setDraft(conversation, text);
  setError(conversation, `${t("chat.not-sent")} ${errorText(error)}`);
}

/**
 * @param {string} conversation
 * @param {string} message
 * @param {{text: string, mentions: string[], markdown: boolean}} what
 */
async function edit(conversation, message, what) {
  setError(conversation, null);
  try {
    const changed = await call("messages.edit", { message, ...what });
    knownWindow(conversation)?.changed(changed);
    context.value = null;
    return true;
  } catch (error) {
    setError(conversation, errorText(error));
    return false;
  }
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
