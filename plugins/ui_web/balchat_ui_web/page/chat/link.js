/**
 * Opening a link of somebody else's: never at a click alone. The question shows the whole address, and the host in
 * ASCII, where a name that looks like another one does not. Nothing is fetched before, and no page learns where it was opened.
 */

import { html, signal } from "../vendor.js";
import { t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { Button } from "../parts/button.js";
import { copyText } from "../parts/copy.js";
import { Dialog } from "../parts/dialog.js";
import { Notice } from "../parts/notice.js";

/** @type {import("../vendor.js").Signal<string | null>} */
const asked = signal(null);

/**
 * Ask whether to open an address.
 * @param {string} address
 */
export function askToOpen(address) {
  asked.value = address;
}

/**
 * Return an address as the browser would use it, and its host in ASCII; null where it cannot be opened.
 * @param {string} address
 */
export function parsedAddress(address) {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (!["http:", "https:", "mailto:"].includes(url.protocol)) return null;
  return { whole: url.href, host: url.protocol === "mailto:" ? url.pathname : url.host, unsafe: url.username !== "" };
}

export function LinkQuestion() {
  const address = asked.value;
  if (address === null) return null;
  const close = () => {
    asked.value = null;
  };
  const parsed = parsedAddress(address);
  const open = () => {
    close();
    if (parsed !== null) window.open(parsed.whole, "_blank", "noopener,noreferrer");
  };
  const footer = html`
    <${Button} onClick=${close} autofocus>${t("common.cancel")}<//>
    <${Button} icon="copy" onClick=${() => void copyText(address)}>${t("common.copy")}<//>
    ${parsed === null ? null : html`<${Button} kind="primary" icon="external" onClick=${open}>${t("chat.open-link")}<//>`}`;
  return html`<${Dialog} title=${t("chat.open-link-question")} onClose=${close} footer=${footer}>
    ${parsed === null
      ? html`<${Notice} kind="bad">${t("chat.bad-link")}<//>`
      : html`<p>${t("chat.link-host")}</p><p class="link-host" dir="ltr">${parsed.host}</p>`}
    <code class="code-block link-address" dir="ltr">${parsed?.whole ?? oneLine(address)}</code>
    ${parsed?.unsafe ? html`<${Notice} kind="warn">${t("chat.link-user")}<//>` : null}
    <p class="fine">${t("chat.link-hint")}</p>
  <//>`;
}
