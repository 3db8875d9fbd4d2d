/**
 * What was begun and is not sent: one draft for each conversation, in the vault.
 *
 * A draft is written there a moment after the last key, and at once when the conversation or the tab is left. One that
 * could not be written is written when the connection is back. What is sent stays in the vault's draft until the account
 * has it as a message and ends the draft by itself: so it is not lost, whatever ends meanwhile.
 */

import { signal } from "../../vendor.js";
import { call, onConnected } from "../connection.js";
import { onEvent, onWipe } from "../follow.js";
import { conversations } from "./account.js";

const PAUSE = 400;

/**
 * @typedef {{text: string, leaving: string, waits: boolean, saved: string | null, timer: ReturnType<typeof setTimeout> | undefined}} Draft
 *   `leaving` is sent, and nobody knows yet whether that succeeds: soon, or it `waits` for files. `saved` is what the
 *   vault has, null where that is not known
 */

/** @type {Map<string, Draft>} */
const drafts = new Map();
/** Rises when a draft changes other than by typing, so that the composer shows it. */
export const draftChanged = signal(0);

/**
 * Return a conversation's draft.
 * @param {string} conversation
 */
export function draftOf(conversation) {
  return drafts.get(conversation)?.text ?? conversations.get(conversation)?.peek().draft ?? "";
}

/**
 * Keep what was typed.
 * @param {string} conversation
 * @param {string} text
 */
export function typed(conversation, text) {
  const draft = known(conversation);
  draft.text = text;
  clearTimeout(draft.timer);
  draft.timer = setTimeout(() => void save(conversation), PAUSE);
}

/**
 * Put a text in the place of the draft, as when a message could not be sent.
 * @param {string} conversation
 * @param {string} text
 */
export function setDraft(conversation, text) {
  typed(conversation, text);
  draftChanged.value += 1;
}

/**
 * A text is sent, and one begins to write the next. Where it `waits`, the vault has it at once.
 * @param {string} conversation
 * @param {string} text
 * @param {{waits: boolean}} how
 */
export function leaves(conversation, text, { waits }) {
  const draft = known(conversation);
  clearTimeout(draft.timer);
  draft.leaving = text;
  draft.waits = waits;
  draft.text = "";
  draftChanged.value += 1;
  if (waits) void save(conversation);
}

/**
 * It is known whether what left was sent: then the account has ended the draft by itself.
 * @param {string} conversation
 * @param {{sent: boolean}} how
 */
export function hasLeft(conversation, { sent }) {
  const draft = known(conversation);
  draft.leaving = "";
  if (!sent) return;
  // What was written while it waited may have come to the vault before or after that.
  draft.saved = draft.waits ? null : "";
  void save(conversation);
}

/**
 * Return what the vault should have.
 * @param {Draft} draft
 */
function kept({ leaving, text }) {
  return leaving === "" || text === "" ? leaving + text : `${leaving}\n${text}`;
}

/** Write every draft that is not written yet, now. */
export function saveDrafts() {
  for (const id of drafts.keys()) void save(id);
}

/** @param {string} conversation */
function known(conversation) {
  let draft = drafts.get(conversation);
  if (draft === undefined) {
    const saved = conversations.get(conversation)?.peek().draft ?? "";
    draft = { text: saved, leaving: "", waits: false, saved, timer: undefined };
    drafts.set(conversation, draft);
  }
  return draft;
}

/** @param {string} conversation */
async function save(conversation) {
  const draft = known(conversation);
  clearTimeout(draft.timer);
  // The account may be about to end the draft that it has.
  if (draft.leaving !== "" && !draft.waits) return;
  const text = kept(draft);
  if (text === draft.saved) return;
  const before = draft.saved;
  draft.saved = text;
  try {
    await call("conversations.draft", { conversation, text });
  } catch {
    if (draft.saved === text) draft.saved = before;
  }
}

/** Write drafts whenever they could be lost, and take over what other windows wrote. */
export function keepDrafts() {
  document.addEventListener("visibilitychange", saveDrafts);
  addEventListener("pagehide", saveDrafts);
  addEventListener("blur", saveDrafts);
  onConnected(saveDrafts);
  onWipe(() => {
    for (const [id, draft] of drafts) {
      clearTimeout(draft.timer);
      draft.text = "";
      if (draft.leaving === "") drafts.delete(id);
    }
  });
  onEvent((event) => {
    if (event.type !== "conversation.changed" || !event.changed.includes("draft")) return;
    const draft = drafts.get(event.conversation.id);
    // What is being typed here is newer than what any other window says.
    if (draft === undefined || draft.leaving !== "" || draft.text !== draft.saved || draft.text === event.conversation.draft) return;
    draft.text = draft.saved = event.conversation.draft;
    draftChanged.value += 1;
  });
}
