/** The screen is locked: nothing of the account is in this page any more, and the account goes on receiving. */

import { html, useSignal } from "../vendor.js";
import { connect } from "../core/connection.js";
import { openAgain } from "../core/session.js";
import { t } from "../core/texts.js";
import { underway } from "../core/underway.js";
import { Button } from "../parts/button.js";
import { useDoing } from "../parts/doing.js";
import { SecretField } from "../parts/field.js";
import { Notice } from "../parts/notice.js";
import { Frame } from "./frame.js";

export function LockScreen() {
  const passphrase = useSignal("");
  const { busy, fault, code, run } = useDoing();
  const unlock = async (/** @type {Event} */ event) => {
    event.preventDefault();
    await run(async () => {
      await openAgain(passphrase.value);
      passphrase.value = "";
      connect();
    });
  };
  const wrong = code === "wrong-secret" || code === "wait";
  return html`<${Frame} title=${t("entry.locked-title")} lead=${t("entry.locked-lead")}>
    <form class="stack" onSubmit=${unlock}>
      <${SecretField} label=${t("entry.passphrase")} value=${passphrase.value} required autofocus autocomplete="current-password"
        fault=${wrong ? fault : null} onInput=${(/** @type {string} */ text) => (passphrase.value = text)} />
      ${fault && !wrong ? html`<${Notice} kind="bad" alert><p>${fault}</p><//>` : null}
      <${Button} kind="primary wide" type="submit" icon="lock" busy=${busy}>${t(busy ? "entry.opening" : "entry.unlock-screen")}<//>
    </form>
  <//>`;
}

/** This window has no session: a link that is good once makes one. */
export function SignedOut() {
  return html`<${Frame} title=${t("entry.signed-out-title")} lead=${t("entry.signed-out-lead")}>
    ${underway.value.length > 0 ? html`<${Notice} kind="warn">${t("entry.signed-out-underway")}<//>` : null}
    <code class="code-block">balchat web</code>
    <p class="fine">${t("entry.signed-out-why")}</p>
  <//>`;
}
