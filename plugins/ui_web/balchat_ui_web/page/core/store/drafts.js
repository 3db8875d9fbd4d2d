/**
 * What was begun and is not sent: one draft for each conversation, in the vault.
 *
 * A draft is written there a moment after the last key, and at once when the conversation or the tab is left. One that
 * could not be written is written when the connection is back.
 */

import { signal } from "../../vendor.js";
import { call, onConnected } from "../connection.js";
import { onEvent, onWipe } from "../follow.js";
import { conversations } from "./account.js";

const PAUSE = 400;

/** @typedef {{text: string, saved: string, timer: ReturnType<typeof setTimeout> | undefined}} Draft */

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
 * The draft was sent: the account has ended it by itself.
 * @param {string} conversation
 */
export function sent(conversation) {
  const draft = known(conversation);
  clearTimeout(draft.timer);
  draft.text = draft.saved = "";
  draftChanged.value += 1;
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
    draft = { text: saved, saved, timer: undefined };
    drafts.set(conversation, draft);
  }
  return draft;
}

/** @param {string} conversation */
async function save(conversation) {
  const draft = known(conversation);
  clearTimeout(draft.timer);
  if (draft.text === draft.saved) return;
  const text = draft.text;
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
    for (const draft of drafts.values()) clearTimeout(draft.timer);
    drafts.clear();
  });
  onEvent((event) => {
    if (event.type !== "conversation.changed" || !event.changed.includes("draft")) return;
    const draft = drafts.get(event.conversation.id);
    // What is being typed here is newer than what any other window says.
    if (draft === undefined || draft.text !== draft.saved || draft.text === event.conversation.draft) return;
    draft.text = draft.saved = event.conversation.draft;
    draftChanged.value += 1;
  });
}
