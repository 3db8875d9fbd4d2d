/** Settings: what people look for first, then everything else that the account knows. */

import { html } from "../vendor.js";
import { go } from "../core/route.js";
import { capabilities, settings, web } from "../core/store.js";
import { t } from "../core/texts.js";
import { Icon } from "../parts/icon.js";
import { Notice } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";
import { NotificationsNotice } from "./notifications.js";
import { SettingRow } from "./setting-row.js";

/** @typedef {{ title: string, keys: string[] }} Group */

/** @type {Group[]} */
const GROUPS = [
  { title: "settings.looks", keys: ["settings.ui_web.theme", "settings.ui_web.contrast", "settings.ui_web.language"] },
  { title: "settings.writing", keys: ["settings.ui_web.enter_sends", "delivery.read_receipts"] },
  { title: "settings.attention", keys: ["settings.ui_web.notifications", "settings.ui_notify.show", "settings.ui_notify.quiet_hours"] },
  { title: "settings.privacy", keys: ["requests.accept", "settings.ui_web.lock_minutes", "account.lock_after_minutes"] },
  { title: "settings.files", keys: ["files.fetch_pictures_kib", "files.streams"] },
  { title: "settings.delivery", keys: ["delivery.policy", "delivery.hedge_seconds"] },
];

/** @param {{ icon: string, title: string, text: string, to: string }} props */
function Link({ icon, title, text, to }) {
  return html`<button type="button" class="row" onClick=${() => go(to)}>
    <${Icon} name=${icon} />
    <span class="grow"><span>${title}</span><small>${text}</small></span>
    <${Icon} name="chevron-right" size="small" />
  </button>`;
}

function Links() {
  const can = capabilities.value;
  return html`<div class="card">
    <${Link} icon="qr" title=${t("people.code-title")} text=${t("settings.code-text")} to="code" />
    <${Link} icon="key" title=${t("settings.security")} text=${t("settings.security-text")} to="security" />
    <${Link} icon="network" title=${t("network.title")} text=${t("settings.network-text")} to="network" />
    ${can.has("relays.list") ? html`<${Link} icon="relay" title=${t("network.relays")} text=${t("settings.relays-text")} to="relays" />` : null}
    <${Link} icon="people" title=${t("settings.profiles")} text=${t("settings.profiles-text")} to="profiles" />
  </div>`;
}

export function SettingsScreen() {
  const views = settings.value;
  const grouped = new Set(GROUPS.flatMap((group) => group.keys));
  const others = [...views.values()].filter((view) => !grouped.has(view.key));
  const pending = [...views.values()].some((view) => view.pending);
  return html`<${Page} title=${t("settings.title")}>
    ${pending ? html`<${Notice} kind="warn" icon="refresh"><p>${t("settings.pending-notice")}</p><//>` : null}
    <${Links} />
    ${GROUPS.map(({ title, keys }) => {
      const known = keys.map((key) => views.get(key)).filter((view) => view !== undefined);
      if (!known.length) return null;
      return html`<${Section} title=${t(title)} key=${title}>
        ${title === "settings.attention" ? html`<${NotificationsNotice} />` : null}
        <div class="card">${known.map((view) => html`<${SettingRow} key=${view.key} view=${view} />`)}</div>
      <//>`;
    })}
    ${others.length
      ? html`<details class="others"><summary>${t("settings.others", { count: others.length })}</summary>
          <p class="fine">${t("settings.others-note")}</p>
          <div class="card">${others.map((view) => html`<${SettingRow} key=${view.key} view=${view} plain />`)}</div>
        </details>`
      : null}
    <p class="fine">${t("settings.version", { version: web.value?.version ?? "" })}</p>
  <//>`;
}
