/** The state of the connection, always in sight: at the foot of the list, and the way to the network page. */

import { html } from "../vendor.js";
import { go } from "../core/route.js";
import { connection, status } from "../core/store.js";
import { t } from "../core/texts.js";
import { Icon } from "../parts/icon.js";
import { summaryOf } from "./connection-summary.js";

/** Draw the state in one line. It is read out when it changes, a percentage alone is not. */
export function ConnectionState() {
  const { kind, text, percent } = summaryOf(connection.value, status.value);
  const words = t(text, { count: status.value?.outbox.waiting ?? 0 });
  return html`<button type="button" class="connection-state" onClick=${() => go("network")}>
    <span class=${`dot ${kind}`} aria-hidden="true"></span>
    <span class="grow one-line"><span class="unseen">${t("network.state-label")} </span><span role="status">${words}</span></span>
    ${percent === null ? null : html`<span class="digits-of-state">${t("network.percent", { percent })}</span>`}
    <${Icon} name="chevron-right" size="small" />
    ${percent === null ? null : html`<progress max="100" value=${percent} aria-hidden="true"></progress>`}
  </button>`;
}
