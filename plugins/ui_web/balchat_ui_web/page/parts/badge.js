/** How many: a small number that ends at 99+, with words for whoever listens. */

import { html } from "../vendor.js";

/**
 * Draw a number, nothing for none. `label` says what is counted.
 *
 * @param {{ count: number, calm?: boolean, label?: string }} props
 */
export function Badge({ count, calm = false, label }) {
  if (count < 1) return null;
  return html`<span class=${calm ? "badge calm" : "badge"}>
    <span aria-hidden=${label ? "true" : undefined}>${count > 99 ? "99+" : count}</span>
    ${label ? html`<span class="unseen">${label}</span>` : null}
  </span>`;
}
