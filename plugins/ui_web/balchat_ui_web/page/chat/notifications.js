/**
 * Notifications of the browser, at three levels: who and what, who only, or none. None for a conversation that somebody
 * looks at, in any front end, nor for a muted one, unless we are mentioned. While no tab is open, ui_notify does it.
 */

import { effect } from "../vendor.js";
import { messageLine, titleOf } from "../conversations/summary.js";
import { onEvent } from "../core/follow.js";
import { go } from "../core/route.js";
import { attended, conversations, setting } from "../core/store.js";
import { t } from "../core/texts.js";
import { attending } from "./attend.js";

/** Messages that are older are what was missed, and not news. */
const FRESH = 60_000;

/** @type {Map<string, Notification>} */
const shown = new Map();

/** Notify from now on of what comes. */
export function notifyOfMessages() {
  onEvent((event) => {
    if (event.type === "message.added") consider(event.message, event.at);
  });
  effect(() => {
    const conversation = attending.value;
    if (conversation === null) return;
    shown.get(conversation)?.close();
    shown.delete(conversation);
  });
}

/**
 * @param {App.MessageView} message
 * @param {number} at
 */
function consider(message, at) {
  const level = setting("settings.ui_web.notifications", /** @type {"all" | "sender" | "nothing"} */ ("sender"));
  const view = conversations.get(message.conversation)?.peek();
  if (level === "nothing" || view === undefined || message.author === null || message.timer !== null) return;
  if (attended.peek().has(message.conversation) || attending.peek() === message.conversation) return;
  if ((view.muted && !message.mentions_us) || Date.now() - at > FRESH) return;
  // Last: the browser asks another process for it, and waits.
  if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
  const options = { body: level === "all" ? messageLine(message) : t("chat.new-message"), tag: message.conversation, silent: false };
  const notification = new Notification(titleOf(view), options);
  shown.set(message.conversation, notification);
  notification.onclick = () => {
    focus();
    go("chat", { conversation: message.conversation });
    notification.close();
  };
}
