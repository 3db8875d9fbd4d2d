/** Symbols: lines that nobody hears. What a symbol means is said by the control that it stands in. */

import { html } from "../vendor.js";
import { ICON_PATHS, MARK_PATHS } from "./icon-paths.js";

/** Symbols that point somewhere: they turn round where text runs from right to left. */
const TURNING = new Set(["back", "chevron-right", "send", "reply", "forward", "external"]);

/**
 * Draw one symbol.
 *
 * @param {{ name: string, size?: "small" | "big" | undefined, class?: string | undefined }} props
 */
export function Icon({ name, size, class: extra }) {
  const classes = ["icon", size, TURNING.has(name) && "turns", extra].filter(Boolean).join(" ");
  return html`<svg class=${classes} viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor"
    stroke-width=${1.75} stroke-linecap="round" stroke-linejoin="round"><path d=${ICON_PATHS[name]} /></svg>`;
}

/** Draw the mark of balchat. */
export function Mark() {
  return html`<svg class="icon big mark" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor"
    stroke-width=${1.5} stroke-linecap="round" stroke-linejoin="round">
    ${MARK_PATHS.map((path) => html`<path d=${path} />`)}
  </svg>`;
}
