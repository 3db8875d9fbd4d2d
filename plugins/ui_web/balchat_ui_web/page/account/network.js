/** The network page: every step between us and the others, how far it is, and why it is no further. */

import { html } from "../vendor.js";
import { go } from "../core/route.js";
import { capabilities, connection, status } from "../core/store.js";
import { hasText, relative, serviceReason, t } from "../core/texts.js";
import { Icon } from "../parts/icon.js";
import { Page, Section } from "../parts/page.js";
import { Progress } from "../parts/progress.js";
import { summaryOf } from "../people/connection-summary.js";

const KINDS = Object.freeze({ online: "good", starting: "warn", degraded: "warn", stopped: "" });

/** @param {string} name the name of a plugin */
export function pluginName(name) {
  const key = `network.plugin.${name.replaceAll("_", "-")}`;
  return hasText(key) ? t(key) : name;
}

/**
 * @param {{ name: string, text?: string, state: App.ServiceState, wanted?: boolean }} props
 *   `wanted`: false where it is off because somebody wants it to be
 */
function Step({ name, text, state, wanted = true }) {
  const kind = KINDS[state.phase];
  return html`<li class="row step">
    <span class=${`dot ${state.phase === "stopped" && wanted ? "bad" : kind}`} aria-hidden="true"></span>
    <div class="grow">
      <span class="step-name">${name}</span>
      ${text ? html`<small>${text}</small>` : null}
      ${state.reason ? html`<small class=${state.phase === "online" ? "" : "warn"}>${serviceReason(state)}</small>` : null}
      ${state.phase === "starting" && state.percent !== null ? html`<${Progress} value=${state.percent} label=${name} />` : null}
    </div>
    <span class="fine">${t(`states.phase.${state.phase}`)}${state.percent === null ? "" : ` · ${t("network.percent", { percent: state.percent })}`}</span>
  </li>`;
}

/** @param {{ outbox: App.OutboxView }} props */
function Outbox({ outbox }) {
  return html`<dl class="card padded facts three">
    <div><dt>${t("network.waiting")}</dt><dd>${outbox.waiting}</dd></div>
    <div><dt>${t("network.in-flight")}</dt><dd>${outbox.in_flight}</dd></div>
    <div><dt>${t("network.at-relays")}</dt><dd>${outbox.relayed}</dd></div>
    ${outbox.oldest === null ? null : html`<p class="fine">${t("network.oldest", { when: relative(outbox.oldest) })}</p>`}
  </dl>`;
}

/** @param {{ now: App.ServiceStatus }} props */
function Steps({ now }) {
  const relayOnly = now.works_as === "relay-only";
  return html`<ul class="card">
    ${Object.entries(now.network).map(([name, state]) => html`<${Step} key=${name} name=${pluginName(name)} state=${state} />`)}
    <${Step} name=${t("network.device-onion")} text=${t("network.device-onion-text")} state=${now.device_onion} wanted=${!relayOnly} />
    <${Step} name=${t("network.identity-onion")} text=${t(now.accepts_requests ? "network.identity-onion-text" : "network.requests-off")}
      state=${now.identity_onion} wanted=${now.accepts_requests && !relayOnly} />
    ${Object.entries(now.transports).map(([name, state]) => html`<${Step} key=${name} name=${pluginName(name)} state=${state} />`)}
    <${Step} name=${t("network.storage")} state=${now.storage} />
  </ul>`;
}

export function NetworkScreen() {
  const now = status.value;
  const { kind, text, percent } = summaryOf(connection.value, now);
  const others = Object.entries(now?.plugins ?? {});
  return html`<${Page} title=${t("network.title")}>
    <div class="card padded network-now" role="status">
      <span class=${`dot ${kind}`} aria-hidden="true"></span>
      <h2 class="grow">${t(text, { count: now?.outbox.waiting ?? 0 })}</h2>
      ${percent === null ? null : html`<span class="digits-of-state">${t("network.percent", { percent })}</span>`}
    </div>
    ${now
      ? html`<${Section} title=${t("network.steps")} note=${t("network.steps-note")}><${Steps} now=${now} /><//>
          <${Section} title=${t("network.outbox")} note=${t("network.outbox-note")}><${Outbox} outbox=${now.outbox} /><//>
          <${Section} title=${t("network.policy")} note=${now.policy === now.works_as ? "" : t("network.works-as", { policy: t(`settings.choice.delivery.policy.${now.works_as}`) })}>
            <div class="card">
              <button type="button" class="row" onClick=${() => go("settings")}><${Icon} name="send" /><span class="grow">${t(`settings.choice.delivery.policy.${now.policy}`)}</span><${Icon} name="chevron-right" size="small" /></button>
              ${capabilities.value.has("relays.list")
                ? html`<button type="button" class="row" onClick=${() => go("relays")}><${Icon} name="relay" /><span class="grow">${t("network.relays")}</span><${Icon} name="chevron-right" size="small" /></button>`
                : null}
            </div>
          <//>
          ${others.length
            ? html`<${Section} title=${t("network.plugins")}><ul class="card">${others.map(([name, state]) => html`<${Step} key=${name} name=${pluginName(name)} state=${state} />`)}</ul><//>`
            : null}`
      : null}
  <//>`;
}
