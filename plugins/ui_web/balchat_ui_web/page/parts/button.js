/** Buttons. A busy one keeps its place and its focus, says so, and does nothing when it is pressed. */

import { html } from "../vendor.js";
import { Icon } from "./icon.js";

/** @typedef {import("../vendor.js").ComponentChildren} Children */

/**
 * @param {(event: Event) => void} [action]
 * @param {boolean} [idle]
 * @returns {(event: Event) => void}
 */
function unless(action, idle) {
  return (event) => {
    if (idle) event.preventDefault();
    else action?.(event);
  };
}

/**
 * A button with words. `kind` is "primary" for the one thing that a screen is for, "danger" for what cannot be undone,
 * "plain" for what stands beside those.
 *
 * @param {{ kind?: string, icon?: string, busy?: boolean, disabled?: boolean, type?: "button" | "submit",
 *   onClick?: (event: Event) => void, children?: Children, [attribute: string]: unknown }} props
 */
export function Button({ kind = "", icon, busy = false, disabled = false, type = "button", onClick, children, ...rest }) {
  return html`<button ...${rest} type=${type} class=${`button ${kind}`} disabled=${disabled}
    aria-busy=${busy || undefined} aria-disabled=${busy || undefined} onClick=${unless(onClick, busy)}>
    ${busy ? html`<span class="busy" aria-hidden="true"></span>` : icon ? html`<${Icon} name=${icon} />` : null}
    <span>${children}</span>
  </button>`;
}

/**
 * A button with a symbol. `label` is its name, read out and shown while the pointer rests on it.
 *
 * @param {{ icon: string, label: string, kind?: string, busy?: boolean, disabled?: boolean,
 *   type?: "button" | "submit", onClick?: (event: Event) => void, children?: Children,
 *   [attribute: string]: unknown }} props
 */
export function IconButton({ icon, label, kind = "", busy = false, disabled = false, type = "button", onClick, children, ...rest }) {
  return html`<button ...${rest} type=${type} class=${`icon-button ${kind}`} aria-label=${label} title=${label}
    disabled=${disabled} aria-busy=${busy || undefined} onClick=${unless(onClick, busy)}>
    ${busy ? html`<span class="busy" aria-hidden="true"></span>` : html`<${Icon} name=${icon} />`}
    ${children}
  </button>`;
}
