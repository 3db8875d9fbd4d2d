/** One fact of a conversation: what reads it is drawn again when that changes, and not with each message that comes. */

import { computed, useMemo } from "../vendor.js";
import { conversations } from "../core/store.js";

/**
 * Return what `pick` makes of a conversation. It gives a text, a number or a truth, which can be compared.
 * @template {string | number | boolean | null} Fact
 * @param {string} conversation
 * @param {(view: App.ConversationView | undefined) => Fact} pick always the same function
 * @returns {Fact}
 */
export function useFact(conversation, pick) {
  return useMemo(() => computed(() => pick(conversations.get(conversation)?.value)), [conversation]).value;
}
