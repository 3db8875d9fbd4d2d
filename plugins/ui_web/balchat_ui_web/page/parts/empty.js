/** Where nothing is yet: what could be here, and how it comes. */

import { html } from "../vendor.js";
import { Icon } from "./icon.js";

/**
 * @param {{ icon: string, title: string, text?: string,
 *   children?: import("../vendor.js").ComponentChildren }} props
 */
export function Empty({ icon, title, text, children }) {
  return html`<div class="empty">
    <${Icon} name=${icon} />
    <h2>${title}</h2>
    ${text ? html`<p>${text}</p>` : null}
    ${children}
  </div>`;
}
