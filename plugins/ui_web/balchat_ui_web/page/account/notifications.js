/**
 * Notifications of what is no message: somebody asks, or something is wrong with keys. For messages see
 * chat/notifications.js, which has the same three levels.
 */

import { html, signal } from "../vendor.js";
import { onEvent } from "../core/follow.js";
import { go } from "../core/route.js";
import { setting } from "../core/store.js";
import { t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { Button } from "../parts/button.js";
import { Notice } from "../parts/notice.js";
import { isSerious } from "../people/contact-state.js";

const permission = signal("Notification" in globalThis ? Notification.permission : "denied");

/** @returns {string} */
function level() {
  return setting("settings.ui_web.notifications", "sender");
}

/** @param {string} title @param {string} body @param {string} tag @param {() => void} open */
function show(title, body, tag, open) {
  const shown = new Notification(title, { body, tag, dir: "auto" });
  shown.onclick = () => {
    window.focus();
    open();
    shown.close();
  };
}

/** Tell of who asks, and of alarms, from now on. Call it once. */
export function notifyOfPeople() {
  onEvent((event) => {
    if (level() === "nothing" || permission.peek() !== "granted") return;
    if (event.type === "request.received") {
      show(t("people.requests-title"), oneLine(event.request.name), event.request.peer_id, () => go("requests"));
    } else if (event.type === "contact.alarm" && isSerious(event.kind)) {
      const { peer_id, conversation } = event;
      show(t("people.alarm-short"), oneLine(event.name), peer_id, () => go("contact", { peer_id, conversation }));
    }
  });
}

/** Say where the browser stands in the way of notifications, and ask it to let them. */
export function NotificationsNotice() {
  if (level() === "nothing" || permission.value === "granted") return null;
  const ask = async () => {
    permission.value = await Notification.requestPermission();
  };
  return html`<${Notice} kind="warn" icon="bell">
    <p>${t(permission.value === "denied" ? "settings.notifications-denied" : "settings.notifications-ask")}</p>
    ${permission.value === "denied" ? null : html`<${Button} kind="small" onClick=${ask}>${t("settings.notifications-allow")}<//>`}
  <//>`;
}
