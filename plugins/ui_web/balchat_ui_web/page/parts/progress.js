/** How far something is. */

import { html } from "../vendor.js";

/**
 * A line that fills. Without `value` nobody knows how far it is.
 *
 * @param {{ value: number | null, max?: number, label: string, kind?: string }} props
 */
export function Progress({ value, max = 100, label, kind = "" }) {
  if (value === null) return html`<progress class=${kind} aria-label=${label}></progress>`;
  return html`<progress class=${kind} aria-label=${label} max=${max} value=${value}></progress>`;
}

/**
 * Something is being done. `label` is read out.
 *
 * @param {{ label: string }} props
 */
export function Spinner({ label }) {
  return html`<span role="status" class="cluster"><span class="busy" aria-hidden="true"></span><span class="unseen">${label}</span></span>`;
}
