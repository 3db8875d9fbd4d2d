/** The frame of what comes before the conversations: the mark, a title, one card. */

import { html } from "../vendor.js";
import { t } from "../core/texts.js";
import { Mark } from "../parts/icon.js";

/**
 * @param {{ title: string, lead?: string, children?: import("../vendor.js").ComponentChildren,
 *   foot?: import("../vendor.js").ComponentChildren }} props
 */
export function Frame({ title, lead, children, foot }) {
  return html`<div class="stage"><main>
    <p class="brand"><${Mark} /><span>balchat</span></p>
    <div class="card entry-card">
      <header><h1>${title}</h1>${lead ? html`<p class="quiet-text">${lead}</p>` : null}</header>
      ${children}
    </div>
    ${foot ? html`<div class="entry-foot">${foot}</div>` : null}
    <p class="fine entry-claim">${t("entry.claim")}</p>
  </main></div>`;
}
