/** Our own chat code: a picture to scan, a line to copy, and the short form for reading out. */

import { html, useEffect, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { go } from "../core/route.js";
import { status } from "../core/store.js";
import { t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { Button } from "../parts/button.js";
import { CopyButton } from "../parts/copy.js";
import { useDoing } from "../parts/doing.js";
import { Notice } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";
import { QrCode } from "./qr-picture.js";
import { AcceptsRequests } from "./requests.js";

export function CodeScreen() {
  const code = useSignal(/** @type {App.CodeView | null} */ (null));
  const { fault, run } = useDoing();
  useEffect(() => {
    void run(async () => {
      code.value = await call("account.code", {});
    });
  }, []);
  const view = code.value;
  const published = status.value?.identity_onion.phase === "online" || status.value?.works_as === "relay-only";
  return html`<${Page} title=${t("people.code-title")}>
    ${fault ? html`<${Notice} kind="bad" alert><p>${fault}</p><//>` : null}
    <p class="quiet-text">${t("people.code-lead")}</p>
    ${view
      ? html`<div class="card own-code">
            <${QrCode} text=${view.code} label=${t("people.code-picture", { name: view.name })} />
            <p class="own-name" dir="auto">${oneLine(view.name)}</p>
            <${CopyButton} text=${view.code} kind="primary">${t("people.copy-code")}<//>
          </div>
          ${published ? null : html`<${Notice} kind="warn"><p>${t("people.code-not-published")}</p><//>`}
          <${Section} title=${t("people.code-whole")} note=${t("people.code-whole-note")}>
            <code class="code-block" tabindex="0">${view.code}</code>
          <//>
          <${Section} title=${t("people.code-short")} note=${t("people.code-short-note")}>
            <div class="with-copy"><code class="code-block grow" tabindex="0">${view.onion}</code><${CopyButton} text=${view.onion} label=${t("people.copy-short")} /></div>
          <//>`
      : null}
    <${AcceptsRequests} />
    <${Button} kind="plain" icon="person-add" onClick=${() => go("add")}>${t("people.add-title")}<//>
  <//>`;
}
