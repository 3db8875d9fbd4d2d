/** The button at the head of the list: who we are, and everything that is not a conversation. */

import { html, useEffect, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { go } from "../core/route.js";
import { capabilities, connection, requests, web } from "../core/store.js";
import { t } from "../core/texts.js";
import { Avatar } from "../parts/avatar.js";
import { openMenu } from "../parts/menu.js";
import { lockScreen, newWindow, shutDown } from "./leaving.js";

/** @returns {import("../parts/menu.js").MenuItem[]} */
function items() {
  const can = capabilities.peek();
  const waiting = requests.peek().length;
  return [
    { icon: "qr", label: t("people.code-title"), onSelect: () => go("code") },
    { icon: "people", label: waiting ? t("people.requests-waiting", { count: waiting }) : t("people.requests-title"), onSelect: () => go("requests") },
    { icon: "network", label: t("network.title"), onSelect: () => go("network") },
    { icon: "settings", label: t("settings.title"), onSelect: () => go("settings") },
    null,
    { icon: "external", label: t("settings.new-window"), onSelect: newWindow },
    { icon: "lock", label: t("settings.lock-screen"), onSelect: lockScreen },
    ...(can.has("account.shut_down") ? [{ icon: "power", label: t("settings.shut-down"), danger: true, onSelect: shutDown }] : []),
  ];
}

export function AccountButton() {
  const own = useSignal(/** @type {App.CodeView | null} */ (null));
  useEffect(() => {
    if (connection.value !== "open") return;
    call("account.code", {}).then(
      (code) => (own.value = code),
      () => {},
    );
  }, [connection.value, web.value?.account]);
  const name = own.value?.name ?? "";
  const label = t("settings.account-menu", { name: name || (web.value?.profile ?? "") });
  return html`<button type="button" class="account-button" aria-label=${label} title=${label} aria-haspopup="menu"
    onClick=${(/** @type {Event} */ event) => openMenu(/** @type {HTMLElement} */ (event.currentTarget), items(), label)}>
    <${Avatar} id=${own.value?.peer_id ?? ""} name=${name} size="small" />
  </button>`;
}
