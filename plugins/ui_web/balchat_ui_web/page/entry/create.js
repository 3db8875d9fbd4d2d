/** Making an account: a name, a passphrase, then its recovery code, once. */

import { html, signal, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { t } from "../core/texts.js";
import { Button } from "../parts/button.js";
import { useDoing } from "../parts/doing.js";
import { TextField } from "../parts/field.js";
import { Notice } from "../parts/notice.js";
import { Frame } from "./frame.js";
import { NewPassphrase, useNewPassphrase } from "./new-passphrase.js";
import { OtherProfile } from "./other-profile.js";
import { RecoveryCode } from "./recovery-code.js";

/**
 * What was just made, as long as its recovery code is not confirmed. It outlives the screen: the account is there at
 * once, and another screen would come.
 *
 * @type {import("../vendor.js").Signal<{ code: string, passphrase: string } | null>}
 */
export const made = signal(null);

const LONGEST_NAME = 64;

export function Create() {
  const name = useSignal("");
  const passphrase = useNewPassphrase();
  const { busy, fault, code: wrong, run } = useDoing();
  const create = (/** @type {Event} */ event) => {
    event.preventDefault();
    void run(async () => {
      if (!(await passphrase.check())) return;
      await call("web.check_name", { name: name.value });
      const answer = await call("web.create", { name: name.value, passphrase: passphrase.value });
      made.value = { code: answer.recovery_code, passphrase: passphrase.value };
    });
  };
  const ofName = wrong === "bad-input" ? fault : null;
  return html`<${Frame} title=${t("entry.create-title")} lead=${t("entry.create-lead")} foot=${html`<${OtherProfile} />`}>
    <form class="stack" onSubmit=${create}>
      <${TextField} label=${t("entry.your-name")} hint=${t("entry.your-name-hint")} value=${name.value} fault=${ofName} required autofocus
        maxlength=${LONGEST_NAME} autocomplete="off" onInput=${(/** @type {string} */ text) => (name.value = text)} />
      <${NewPassphrase} state=${passphrase} />
      ${fault && !ofName ? html`<${Notice} kind="bad" alert><p>${fault}</p><//>` : null}
      <${Button} kind="primary wide" type="submit" busy=${busy}>${t("entry.create-do")}<//>
    </form>
  <//>`;
}

/** The step after it: the recovery code, then the account starts. */
export function Made() {
  const { busy, fault, run } = useDoing();
  const now = made.value;
  if (!now) return null;
  const start = () =>
    run(async () => {
      await call("web.start", { secret: now.passphrase, slot: "passphrase" });
      made.value = null;
    });
  return html`<${Frame} title=${t("entry.recovery-title")}>
    ${fault ? html`<${Notice} kind="bad" alert><p>${fault}</p><//>` : null}
    ${busy
      ? html`<p class="cluster" role="status"><span class="busy" aria-hidden="true"></span>${t("entry.starting-title")}</p>`
      : html`<${RecoveryCode} code=${now.code} onDone=${start} />`}
  <//>`;
}
