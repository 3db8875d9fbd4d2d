/** What we wrote lately: to tell whether a message was sent whose answer was lost with the connection. */

import { onEvent, onWipe } from "../core/follow.js";

const MOST = 20;

/** @type {{conversation: string, text: string | null, at: number}[]} */
let lately = [];

onEvent((event) => {
  if (event.type !== "message.added" || event.message.author !== null) return;
  lately = [...lately, { conversation: event.message.conversation, text: event.message.text, at: Date.now() }].slice(-MOST);
});
onWipe(() => {
  lately = [];
});

/**
 * Return whether a message of ours with this text has come to us since a moment.
 * @param {string} conversation
 * @param {string} text
 * @param {number} since Unix milliseconds
 */
export function ownSince(conversation, text, since) {
  return lately.some((each) => each.conversation === conversation && each.at >= since && same(each.text, text));
}

/** @param {string | null} stored @param {string} text */
function same(stored, text) {
  // With mentions the account has written links into it.
  return stored === text || (stored?.includes("](balchat:") ?? false);
}
