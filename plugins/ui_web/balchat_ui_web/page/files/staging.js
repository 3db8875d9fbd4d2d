/** Files on their way into a message. */

import { signal } from "../vendor.js";

/** @type {Map<string, import("../vendor.js").Signal<string[]>>} */
const staged = new Map();

/**
 * Return the signal of the ids of the files that go with the next message.
 * @param {string} conversation
 */
export function stagedFiles(conversation) {
  let files = staged.get(conversation);
  if (files === undefined) {
    files = signal(/** @type {string[]} */ ([]));
    staged.set(conversation, files);
  }
  return files;
}

/** @param {string} conversation */
export function clearStaged(conversation) {
  stagedFiles(conversation).value = [];
}

/** @param {{current: HTMLElement | null}} _field @param {string} _conversation */
export function useFileDrop(_field, _conversation) {}

/** @param {{conversation: string}} _props */
export function Staging(_props) {
  return null;
}

/** @param {{conversation: string}} _props */
export function AttachButton(_props) {
  return null;
}

/** @param {{conversation: string}} _props */
export function VoiceButton(_props) {
  return null;
}
