/** How far a message of ours has come, as a small sign. The words for it stand in the message's sentence. */

import { html } from "../vendor.js";
import { t } from "../core/texts.js";
import { Icon } from "../parts/icon.js";

const SIGNS = /** @type {Record<string, string>} */ ({
  queued: "clock",
  sent: "check",
  relayed: "relay",
  delivered: "check-double",
  read: "check-double",
  failed: "alert",
});

/** @param {{state: App.MessageState}} props */
export function StateMark({ state }) {
  const sign = SIGNS[state];
  if (sign === undefined) return null;
  return html`<span class=${`state-mark ${state}`} title=${t(`states.message.${state}`)} aria-hidden="true"><${Icon} name=${sign} size="small" /></span>`;
}
