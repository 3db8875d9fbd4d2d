/** What can be done with a conversation as a whole: the items of its menu. */

import { call } from "../core/calls.js";
import { go, route } from "../core/route.js";
import { errorText, t } from "../core/texts.js";
import { toast } from "../parts/toasts.js";

const HOUR = 3_600_000;

/**
 * Carry something out, and say so where it cannot be done.
 * @param {Promise<unknown>} doing
 */
export async function attempt(doing) {
  try {
    await doing;
  } catch (error) {
    toast(errorText(error));
  }
}

/**
 * Return the items of a conversation's menu.
 * @param {App.ConversationView} view
 * @returns {import("../parts/menu.js").MenuItem[]}
 */
export function conversationItems(view) {
  const conversation = view.id;
  return [
    view.unread > 0
      ? { icon: "check", label: t("conversations.mark-read"), onSelect: () => void markRead(view) }
      : { icon: "unread", label: t("conversations.mark-unread"), onSelect: () => void markUnread(conversation) },
    view.muted
      ? { icon: "bell", label: t("conversations.unmute"), onSelect: () => void attempt(call("conversations.unmute", { conversation })) }
      : { icon: "bell-off", label: t("conversations.mute"), onSelect: () => void mute(conversation, null) },
    ...(view.muted
      ? []
      : [{ icon: "clock", label: t("conversations.mute-hours", { count: 8 }), onSelect: () => void mute(conversation, 8 * HOUR) }]),
    view.archived
      ? { icon: "archive", label: t("conversations.unarchive"), onSelect: () => void attempt(call("conversations.unarchive", { conversation })) }
      : { icon: "archive", label: t("conversations.archive"), onSelect: () => void attempt(call("conversations.archive", { conversation })) },
    ...(view.contact === null
      ? []
      : [null, { icon: "person", label: t("conversations.contact"), onSelect: () => go("contact", { peer_id: view.contact?.peer_id ?? "", conversation }) }]),
  ];
}

/** @param {string} conversation @param {number | null} span */
function mute(conversation, span) {
  return attempt(call("conversations.mute", { conversation, until: span === null ? null : Date.now() + span }));
}

/** @param {App.ConversationView} view */
async function markRead(view) {
  if (view.last_message === null) return;
  await attempt(call("conversations.mark_read", { conversation: view.id, up_to: view.last_message.id }));
}

/**
 * Take the newest message as unread again. An open conversation is left, or it would be read at once.
 * @param {string} conversation
 */
export async function markUnread(conversation) {
  if (route.peek().params.conversation === conversation) go("chats");
  await attempt(call("conversations.mark_unread", { conversation }));
}
