/** Who asks to write to us. Whoever is turned down is not told. */

import { html, useSignal } from "../vendor.js";
import { attempt } from "../conversations/actions.js";
import { call } from "../core/calls.js";
import { go } from "../core/route.js";
import { requests, setting, settings } from "../core/store.js";
import { relative, t } from "../core/texts.js";
import { oneLine, visible } from "../core/visible.js";
import { Avatar } from "../parts/avatar.js";
import { Button } from "../parts/button.js";
import { confirm } from "../parts/dialog.js";
import { useDoing } from "../parts/doing.js";
import { Empty } from "../parts/empty.js";
import { SwitchRow, TextField } from "../parts/field.js";
import { Page } from "../parts/page.js";
import { toast } from "../parts/toasts.js";

/** @param {{ request: App.RequestView }} props */
function Request({ request }) {
  const name = useSignal(request.name);
  const { busy, fault, run } = useDoing();
  const accept = async () => {
    const contact = await run(() => call("requests.accept", { request: request.peer_id, name: name.value.trim() || null }));
    if (contact) go("chat", { conversation: contact.conversation });
  };
  const reject = async () => {
    const agreed = await confirm({ title: t("people.reject-title", { name: oneLine(request.name) }), text: t("people.reject-text"), action: t("people.reject"), danger: true });
    if (agreed && (await run(() => call("requests.reject", { request: request.peer_id })))) toast(t("people.rejected"));
  };
  const block = async () => {
    const name = oneLine(request.name);
    const agreed = await confirm({ title: t("people.reject-block-title", { name }), text: t("people.block-text"), action: t("people.reject-and-block"), danger: true });
    if (agreed && (await run(() => call("requests.block", { request: request.peer_id })))) toast(t("people.rejected-blocked", { name }));
  };
  return html`<li class="card padded request">
    <header>
      <${Avatar} id=${request.peer_id} name=${request.name} />
      <div class="grow">
        <h2 dir="auto">${oneLine(request.name)}</h2>
        <p class="fine">${relative(request.received_at)} · <code>${request.onion.slice(0, 12)}…</code></p>
      </div>
    </header>
    ${request.introduction ? html`<blockquote dir="auto">${visible(request.introduction)}</blockquote>` : html`<p class="fine">${t("people.no-introduction")}</p>`}
    <${TextField} label=${t("people.call-them")} value=${name.value} fault=${fault} maxlength="64" onInput=${(/** @type {string} */ text) => (name.value = text)} />
    <div class="cluster">
      <${Button} kind="primary" icon="check" busy=${busy} onClick=${accept}>${t("people.accept")}<//>
      <${Button} onClick=${reject}>${t("people.reject")}<//>
      <${Button} kind="danger" icon="block" onClick=${block}>${t("people.reject-and-block")}<//>
    </div>
  </li>`;
}

/** Whether strangers may ask at all: a setting that acts at once. */
export function AcceptsRequests() {
  const view = settings.value.get("requests.accept");
  if (!view) return null;
  const change = (/** @type {boolean} */ value) => attempt(call("settings.set", { key: "requests.accept", value }));
  return html`<div class="card">
    <${SwitchRow} label=${t("people.accepts-requests")} hint=${t("people.accepts-requests-hint")}
      checked=${setting("requests.accept", true)} disabled=${!view.writable || view.locked_by !== null} onChange=${change} />
  </div>`;
}

export function RequestsScreen() {
  const list = requests.value;
  return html`<${Page} title=${t("people.requests-title")}>
    ${list.length
      ? html`<p class="quiet-text">${t("people.requests-lead")}</p>
          <ul class="stack">${list.map((request) => html`<${Request} key=${request.peer_id} request=${request} />`)}</ul>`
      : html`<${Empty} icon="people" title=${t("people.no-requests")} text=${t("people.no-requests-text")}>
          <${Button} kind="primary" icon="qr" onClick=${() => go("code")}>${t("people.show-own-code")}<//>
        <//>`}
    <${AcceptsRequests} />
  <//>`;
}
