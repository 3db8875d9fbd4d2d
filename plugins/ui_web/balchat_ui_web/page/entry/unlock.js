/** Unlocking: the account is started with its passphrase or, where that is lost, its recovery code. */

import { html, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { web } from "../core/store.js";
import { errorText, t } from "../core/texts.js";
import { CallError } from "../core/errors.js";
import { Button } from "../parts/button.js";
import { useDoing } from "../parts/doing.js";
import { SecretField, TextField } from "../parts/field.js";
import { Notice } from "../parts/notice.js";
import { Frame } from "./frame.js";
import { OtherProfile } from "./other-profile.js";

export function Unlock() {
  const byCode = useSignal(false);
  const secret = useSignal("");
  const tries = useSignal(0);
  const { busy, fault, code, run, forget } = useDoing();
  const start = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const slot = byCode.value ? "recovery-code" : "passphrase";
    const done = await run(() => call("web.start", { secret: secret.value, slot }));
    if (done) secret.value = "";
    else tries.value += 1;
  };
  const other = () => {
    forget();
    secret.value = "";
    byCode.value = !byCode.value;
  };
  const input = (/** @type {string} */ text) => (secret.value = text);
  const wrong = code === "wrong-secret" || code === "bad-input" || code === "wait";
  const told = wrong && tries.value > 1 && code === "wrong-secret" ? t("entry.wrong-again", { count: tries.value }) : fault;
  const changes = web.value?.changes ?? [];
  return html`<${Frame} title=${t("entry.unlock-title")} lead=${t("entry.unlock-lead")} foot=${html`<${OtherProfile} />`}>
    ${changes.length ? html`<${Notice} kind="warn"><p>${t("entry.changes")}</p><ul class="changes">${changes.map((change) => html`<li>${change}</li>`)}</ul><//>` : null}
    <form class="stack" onSubmit=${start} key=${byCode.value}>
      ${byCode.value
        ? html`<${TextField} label=${t("entry.recovery-code")} hint=${t("entry.recovery-code-hint")} value=${secret.value} class="code" required autofocus
            autocomplete="off" autocapitalize="characters" fault=${wrong ? told : null} onInput=${input} />`
        : html`<${SecretField} label=${t("entry.passphrase")} value=${secret.value} required autofocus autocomplete="current-password"
            fault=${wrong ? told : null} onInput=${input} />`}
      ${fault && !wrong ? html`<${Notice} kind="bad" alert><p>${fault}</p><//>` : null}
      <${Button} kind="primary wide" type="submit" icon="lock" busy=${busy}>${t(busy ? "entry.opening" : "entry.unlock-do")}<//>
      <${Button} kind="plain wide" onClick=${other}>${t(byCode.value ? "entry.by-passphrase" : "entry.by-recovery-code")}<//>
    </form>
  <//>`;
}

/** The web process was told to leave unlocking to the terminal. */
export function UnlockInTerminal() {
  const stopped = web.value?.account === "stopped";
  return html`<${Frame} title=${t("entry.terminal-title")} lead=${t("entry.terminal-lead")} foot=${html`<${OtherProfile} />`}>
    <code class="code-block">${stopped ? "balchat up --detach" : "balchat init"}</code>
  <//>`;
}

export function Starting() {
  return html`<${Frame} title=${t("entry.starting-title")} lead=${t("entry.starting-lead")}>
    <progress aria-label=${t("entry.starting-title")}></progress>
  <//>`;
}

/** The account runs, and cannot be reached: what the account or the machine says of it, with commands between backticks. */
export function Unreachable() {
  const error = web.value?.error;
  const told = error ? errorText(new CallError(error.code, error.fields, error.message)) : t("entry.unreachable-lead");
  return html`<${Frame} title=${t("entry.unreachable-title")} foot=${html`<${OtherProfile} />`}>
    <${Notice} kind="bad" alert><p>${told.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}</p><//>
    <p class="quiet-text">${t("entry.unreachable-watch")}</p>
  <//>`;
}
