/**
 * Notifications of the browser, while the page is open and nobody looks at the conversation.
 *
 * Three levels: who and what, who, nothing. A muted conversation calls no attention. One message has one notification,
 * however many windows are open: its id is the tag. What is kept by the system after that is the system's.
 */

import { html, signal } from "../vendor.js";
import { onEvent } from "../core/follow.js";
import { go } from "../core/route.js";
import { attended, contacts, conversations, setting } from "../core/store.js";
import { t } from "../core/texts.js";
import { Button } from "../parts/button.js";
import { Notice } from "../parts/notice.js";

const LONGEST = 140;

const permission = signal("Notification" in globalThis ? Notification.permission : "denied");

/** @param {string} title @param {string} body @param {string} tag @param {() => void} open */
function show(title, body, tag, open) {
  const shown = new Notification(title, { body, tag, silent: false, dir: "auto" });
  shown.onclick = () => {
    window.focus();
    open();
    shown.close();
  };
}

/** @param {App.MessageView} message @param {string} level */
function tell(message, level) {
  const view = conversations.get(message.conversation)?.peek();
  if (!view || (view.muted && !message.mentions_us) || message.timer) return;
  if (attended.peek().has(message.conversation) && !document.hidden) return;
  const body = level === "all" && message.text ? message.text.slice(0, LONGEST) : t("settings.new-message");
  show(view.title, body, message.id, () => go("chat", { conversation: message.conversation }));
}

/** Tell of what comes, from now on. Call it once. */
export function followNotifications() {
  onEvent((event) => {
    const level = setting("settings.ui_web.notifications", "sender");
    if (level === "nothing" || permission.peek() !== "granted") return;
    if (event.type === "message.added" && event.message.state === "received") tell(event.message, level);
    else if (event.type === "request.received") show(t("people.requests-title"), event.request.name, event.request.peer_id, () => go("requests"));
    else if (event.type === "contact.alarm") {
      const name = contacts.peek().get(event.peer_id)?.name ?? event.name;
      show(t("people.alarm-short"), name, event.peer_id, () => go("contact", { peer_id: event.peer_id }));
    }
  });
}

/** Say where the browser stands in the way of notifications, and ask it to let them. */
export function NotificationsNotice() {
  if (setting("settings.ui_web.notifications", "nothing") === "nothing" || permission.value === "granted") return null;
  const ask = async () => {
    permission.value = await Notification.requestPermission();
  };
  return html`<${Notice} kind="warn" icon="bell">
    <p>${t(permission.value === "denied" ? "settings.notifications-denied" : "settings.notifications-ask")}</p>
    ${permission.value === "denied" ? null : html`<${Button} kind="small" onClick=${ask}>${t("settings.notifications-allow")}<//>`}
  <//>`;
}
