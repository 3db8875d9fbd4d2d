/** Everything about one contact, and what can be done with them. */

import { html, useEffect, useSignal } from "../vendor.js";
import { attempt } from "../conversations/actions.js";
import { call } from "../core/calls.js";
import { back, go, route } from "../core/route.js";
import { capabilities, contacts, conversations, reachable } from "../core/store.js";
import { day, moment, relative, t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { Avatar } from "../parts/avatar.js";
import { Button, IconButton } from "../parts/button.js";
import { CopyButton } from "../parts/copy.js";
import { confirm, Dialog } from "../parts/dialog.js";
import { useDoing } from "../parts/doing.js";
import { TextField } from "../parts/field.js";
import { Icon } from "../parts/icon.js";
import { Notice } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { ContactState, isSerious } from "./contact-state.js";
import { ConversationSettings } from "./contact-settings.js";

/** @param {{ contact: App.ContactView, onClose: () => void }} props */
function Rename({ contact, onClose }) {
  const name = useSignal(contact.name);
  const { busy, fault, run } = useDoing();
  const rename = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await run(() => call("contacts.rename", { contact: contact.peer_id, name: name.value.trim() }))) onClose();
  };
  const footer = html`<${Button} onClick=${onClose}>${t("common.cancel")}<//><${Button} kind="primary" type="submit" form="rename" busy=${busy}>${t("common.save")}<//>`;
  return html`<${Dialog} title=${t("people.rename-title")} onClose=${onClose} footer=${footer}>
    <form id="rename" onSubmit=${rename}>
      <${TextField} label=${t("people.add-name")} value=${name.value} hint=${t("people.rename-hint")} fault=${fault} maxlength="64" required autofocus
        onInput=${(/** @type {string} */ text) => (name.value = text)} />
    </form>
  <//>`;
}

/** @param {{ contact: App.ContactView, info: App.ContactInfoView | null }} props */
function Alarms({ contact, info }) {
  const alarms = info?.alarms ?? [];
  return alarms.map(
    (alarm) => html`<${Notice} kind=${isSerious(alarm.kind) ? "bad" : "warn"} key=${alarm.kind}>
      <p>${t(`states.alarm.${alarm.kind}`, { name: oneLine(contact.name) })}</p>
      <p class="fine">${t("people.alarm-when", { count: alarm.times, when: moment(alarm.last_at) })}</p>
      ${isSerious(alarm.kind) ? html`<${Button} kind="small" onClick=${() => go("verify", { peer_id: contact.peer_id, conversation: contact.conversation })}>${t("people.verify-again")}<//>` : null}
    <//>`,
  );
}

/** @param {{ contact: App.ContactView, info: App.ContactInfoView | null }} props */
function Facts({ contact, info }) {
  const renewed = Math.max(contact.renewed_by_us ?? 0, contact.renewed_by_them ?? 0);
  return html`<dl class="card padded facts">
    <div><dt>${t("people.address")}</dt>
      <dd class="with-copy"><code class="grow">${contact.onion}</code><${CopyButton} text=${contact.onion} label=${t("people.copy-address")} /></dd></div>
    <div><dt>${t("people.keys")}</dt>
      <dd>${renewed ? t("people.keys-renewed", { when: relative(renewed), day: day(renewed) }) : t("people.keys-never")}</dd></div>
    ${info ? html`<div><dt>${t("people.devices")}</dt><dd>${t("people.devices-count", { count: info.devices.length })}</dd></div><${Routes} routes=${info.routes} />` : null}
  </dl>`;
}

/** @param {{ routes: App.RouteView[] }} props */
function Routes({ routes }) {
  if (routes.length === 0) return null;
  return html`<div><dt>${t("people.routes")}</dt>
    ${routes.map(
      (each) => html`<dd class="route">
        <span>${t(each.direct ? "people.route-direct" : "people.route-relay")}${each.until === null ? "" : ` · ${t("people.route-until", { when: moment(each.until) })}`}</span>
        ${each.onion === null ? null : html`<span class="with-copy"><code class="grow">${each.onion}</code><${CopyButton} text=${each.onion} label=${t("people.copy-address")} /></span>`}
      </dd>`,
    )}
  </div>`;
}

/** @param {{ contact: App.ContactView }} props */
function Grave({ contact }) {
  const peer = contact.peer_id;
  const name = oneLine(contact.name);
  const block = async () => {
    if (await confirm({ title: t("people.block-title", { name }), text: t("people.block-text"), action: t("people.block"), danger: true })) {
      await attempt(call("contacts.block", { contact: peer }));
    }
  };
  const remove = async () => {
    const agreed = await confirm({ title: t("people.remove-title", { name }), text: t("people.remove-text"), action: t("people.remove"), danger: true });
    if (!agreed) return;
    await attempt(
      call("contacts.remove", { contact: peer }).then(() => {
        toast(t("people.removed", { name }));
        go("chats", {}, { replace: true });
      }),
    );
  };
  return html`<div class="card">
    ${contact.blocked
      ? html`<button type="button" class="row" onClick=${() => attempt(call("contacts.unblock", { contact: peer }))}><${Icon} name="block" /><span class="grow">${t("people.unblock")}</span></button>`
      : html`<button type="button" class="row bad" onClick=${block}><${Icon} name="block" /><span class="grow">${t("people.block")}</span></button>`}
    <button type="button" class="row bad" onClick=${remove}><${Icon} name="trash" /><span class="grow">${t("people.remove")}</span></button>
  </div>`;
}

export function ContactScreen() {
  const contact = contacts.value.get(String(route.value.params.peer_id));
  const info = useSignal(/** @type {App.ContactInfoView | null} */ (null));
  const renaming = useSignal(false);
  const { busy, run } = useDoing();
  const peer = contact?.peer_id ?? "";
  useEffect(() => {
    info.value = null;
    if (peer) {
      void run(async () => {
        info.value = await call("contacts.info", { contact: peer });
      });
    }
  }, [peer, contact?.alarm, contact?.renewed_by_us, contact?.renewed_by_them]);
  if (!contact) return html`<${Page} title=${t("people.contact-title")} deep />`;

  const view = conversations.get(contact.conversation)?.value;
  const renew = () => attempt(call("contacts.renew", { contact: peer }).then(() => toast(t("people.renewing"))));
  return html`<${Page} title=${t("people.contact-title")} deep onBack=${back}>
    <div class="portrait">
      <${Avatar} id=${peer} name=${contact.name} size="big" presence=${reachable.value.has(peer)} />
      <div class="portrait-name"><h2 dir="auto">${oneLine(contact.name)}</h2><${IconButton} icon="edit" label=${t("people.rename")} onClick=${() => (renaming.value = true)} /></div>
      <${ContactState} contact=${contact} />
      <${Button} kind="primary small" icon="chat" onClick=${() => go("chat", { conversation: contact.conversation })}>${t("people.write")}<//>
    </div>
    <${Alarms} contact=${contact} info=${info.value} />
    <div class="card">
      <button type="button" class="row" onClick=${() => go("verify", { peer_id: peer, conversation: contact.conversation })}>
        <${Icon} name=${contact.verified ? "shield-check" : "shield"} class=${contact.verified ? "good" : ""} />
        <span class="grow"><span>${t("people.safety-number")}</span><small>${t(contact.verified ? "people.verified-long" : "people.not-verified")}</small></span>
        <${Icon} name="chevron-right" size="small" />
      </button>
      ${capabilities.value.has("files.list")
        ? html`<button type="button" class="row" onClick=${() => go("files", { conversation: contact.conversation })}>
            <${Icon} name="file" /><span class="grow">${t("files.title")}</span><${Icon} name="chevron-right" size="small" /></button>`
        : null}
    </div>
    ${view ? html`<${ConversationSettings} view=${view} />` : null}
    <${Section} title=${t("people.details")}>
      <${Facts} contact=${contact} info=${info.value} />
      ${capabilities.value.has("contacts.renew") && contact.state === "active"
        ? html`<${Button} kind="plain small" icon="refresh" busy=${busy} onClick=${renew}>${t("people.renew")}<//>`
        : null}
    <//>
    <${Grave} contact=${contact} />
    ${renaming.value ? html`<${Rename} contact=${contact} onClose=${() => (renaming.value = false)} />` : null}
  <//>`;
}
