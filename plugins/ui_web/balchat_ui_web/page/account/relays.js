/** Our relays: where others leave what is for us while we are away. */

import { html, useEffect, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { route } from "../core/route.js";
import { capabilities, status } from "../core/store.js";
import { errorText, relative, serviceReason, t } from "../core/texts.js";
import { Button } from "../parts/button.js";
import { confirm } from "../parts/dialog.js";
import { useDoing } from "../parts/doing.js";
import { Empty } from "../parts/empty.js";
import { TextField } from "../parts/field.js";
import { MenuButton } from "../parts/menu.js";
import { Notice } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { meantBy } from "../people/pasted.js";

/** @param {string} onion */
function short(onion) {
  return `${onion.slice(0, 16)}…`;
}

/** @param {{ relay: App.RelayView, read: () => Promise<unknown> }} props */
function Relay({ relay, read }) {
  const { busy, fault, run } = useDoing();
  const onion = { relay: relay.onion };
  const check = () => run(async () => (await call("relays.check", onion), await read(), toast(t("network.relay-checked"))));
  const choose = () => run(async () => (await call("relays.set_default", onion), read()));
  const remove = async () => {
    const agreed = await confirm({ title: t("network.relay-remove-title"), text: t("network.relay-remove-text"), action: t("common.remove"), danger: true });
    if (agreed) await run(async () => (await call("relays.remove", onion), read()));
  };
  const items = () => [
    { icon: "refresh", label: t("network.relay-check"), onSelect: check },
    ...(relay.default ? [] : [{ icon: "check", label: t("network.relay-make-default"), onSelect: choose }]),
    null,
    { icon: "trash", label: t("common.remove"), danger: true, onSelect: remove },
  ];
  const kind = relay.state.phase === "online" ? "good" : relay.state.phase === "stopped" ? "bad" : "warn";
  return html`<li class="row" aria-busy=${busy || undefined}>
    <span class=${`dot ${kind}`} aria-hidden="true"></span>
    <div class="grow">
      <span><code title=${relay.onion}>${short(relay.onion)}</code> ${relay.default ? html`<span class="tag">${t("network.relay-default")}</span>` : null}</span>
      <small>${t(`states.phase.${relay.state.phase}`)}${relay.round_trip === null ? "" : ` · ${t("network.round-trip", { ms: relay.round_trip })}`}${relay.answered_at === null ? "" : ` · ${t("network.answered", { when: relative(relay.answered_at) })}`}</small>
      ${relay.state.reason ? html`<small class="warn">${serviceReason(relay.state)}</small>` : null}
      ${fault ? html`<small class="bad" role="alert">${fault}</small>` : null}
    </div>
    ${busy ? html`<span class="busy" aria-hidden="true"></span>` : null}
    <${MenuButton} icon="more" label=${t("network.relay-menu", { relay: short(relay.onion) })} items=${items} />
  </li>`;
}

export function RelaysScreen() {
  const list = useSignal(/** @type {App.RelayView[] | null} */ (null));
  const fault = useSignal(/** @type {string | null} */ (null));
  const address = useSignal(String(route.value.params.address ?? ""));
  const adding = useDoing();
  const read = async () => {
    try {
      list.value = await call("relays.list", {});
      fault.value = null;
    } catch (error) {
      fault.value = errorText(error);
    }
  };
  useEffect(() => void read(), [status.value]);
  const add = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const meant = meantBy(address.value);
    const relay = await adding.run(() => call("relays.add", { address: meant.value }));
    if (!relay) return;
    address.value = "";
    toast(t("network.relay-added"));
    await read();
  };
  return html`<${Page} title=${t("network.relays")} deep>
    <p class="quiet-text">${t("network.relays-lead")}</p>
    ${fault.value ? html`<${Notice} kind="bad" alert><p>${fault.value}</p><//>` : null}
    ${list.value?.length ? html`<ul class="card">${list.value.map((relay) => html`<${Relay} key=${relay.onion} relay=${relay} read=${read} />`)}</ul>` : null}
    ${list.value?.length === 0 ? html`<${Empty} icon="relay" title=${t("network.no-relays")} text=${t("network.no-relays-text")} />` : null}
    ${capabilities.value.has("relays.add")
      ? html`<${Section} title=${t("network.relay-add-title")}>
          <form class="card padded stack" onSubmit=${add}>
            <${TextField} label=${t("network.relay-address")} value=${address.value} class="code" required autocomplete="off" fault=${adding.fault}
              hint=${t("network.relay-address-hint")} onInput=${(/** @type {string} */ text) => (address.value = text)} />
            <div class="cluster"><${Button} kind="primary" type="submit" icon="plus" busy=${adding.busy}>${t("network.relay-add")}<//>
              ${adding.busy ? html`<span class="fine" role="status">${t("network.relay-adding")}</span>` : null}</div>
          </form>
        <//>`
      : null}
  <//>`;
}
