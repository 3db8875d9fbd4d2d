/** Passphrase, recovery code and backup: what opens the account, and what saves it. */

import { html, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { capabilities } from "../core/store.js";
import { t } from "../core/texts.js";
import { Button } from "../parts/button.js";
import { CopyButton } from "../parts/copy.js";
import { Dialog } from "../parts/dialog.js";
import { useDoing } from "../parts/doing.js";
import { SecretField } from "../parts/field.js";
import { Notice } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { asSecret, textOf } from "./secrets.js";
import { RecoveryCode } from "../entry/recovery-code.js";
import { NewPassphrase, useNewPassphrase } from "../entry/new-passphrase.js";

function ChangePassphrase() {
  const old = useSignal("");
  const fresh = useNewPassphrase();
  const { busy, fault, run } = useDoing();
  const change = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!(await fresh.check())) return;
    const done = await run(async () => (await call("account.change_passphrase", { old: asSecret(old.value), new: asSecret(fresh.value) }), true));
    if (!done) return;
    old.value = "";
    fresh.clear();
    toast(t("settings.passphrase-changed"));
  };
  return html`<form class="card padded stack" onSubmit=${change}>
    <${SecretField} label=${t("settings.old-passphrase")} hint=${t("settings.old-passphrase-hint")} value=${old.value} autocomplete="current-password" required
      fault=${fault} onInput=${(/** @type {string} */ text) => (old.value = text)} />
    <${NewPassphrase} state=${fresh} />
    <div><${Button} kind="primary" type="submit" busy=${busy}>${t("settings.change-passphrase")}<//></div>
  </form>`;
}

function RenewRecovery() {
  const passphrase = useSignal("");
  const code = useSignal(/** @type {string | null} */ (null));
  const { busy, fault, run } = useDoing();
  const renew = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const made = await run(() => call("account.renew_recovery_code", { passphrase: asSecret(passphrase.value) }));
    if (made === undefined) return;
    passphrase.value = "";
    code.value = textOf(made);
  };
  const close = () => {
    code.value = null;
    toast(t("settings.recovery-renewed"));
  };
  return html`<form class="card padded stack" onSubmit=${renew}>
      <p class="fine">${t("settings.recovery-text")}</p>
    <${SecretField} label=${t("entry.passphrase")} value=${passphrase.value} autocomplete="current-password" required fault=${fault}
      onInput=${(/** @type {string} */ text) => (passphrase.value = text)} />
      <div><${Button} type="submit" busy=${busy}>${t("settings.renew-recovery")}<//></div>
    </form>
    ${code.value === null ? null : html`<${Dialog} title=${t("entry.recovery-title")} onClose=${() => {}}><${RecoveryCode} code=${code.value} onDone=${close} /><//>`}`;
}

export function SecurityScreen() {
  const can = capabilities.value;
  return html`<${Page} title=${t("settings.security")} deep>
    ${can.has("account.change_passphrase") ? html`<${Section} title=${t("settings.change-passphrase")}><${ChangePassphrase} /><//>` : null}
    ${can.has("account.renew_recovery_code") ? html`<${Section} title=${t("entry.recovery-title")}><${RenewRecovery} /><//>` : null}
    <${Section} title=${t("settings.backup")}>
      <${Notice} icon="info">
        <p>${t("settings.backup-text")}</p>
        <div class="with-copy"><code class="code-block grow">balchat backup</code><${CopyButton} text="balchat backup" /></div>
      <//>
    <//>
  <//>`;
}
