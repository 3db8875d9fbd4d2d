/** Something that a person should know where they are, in a colour and a symbol that say how grave it is. */

import { html } from "../vendor.js";
import { Icon } from "./icon.js";

const SYMBOLS = Object.freeze({ bad: "alert", warn: "alert", good: "check", plain: "info" });

/**
 * @param {{ kind?: "bad" | "warn" | "good" | "plain", icon?: string, alert?: boolean,
 *   children?: import("../vendor.js").ComponentChildren }} props `alert`: read out at once when it comes.
 */
export function Notice({ kind = "plain", icon, alert = false, children }) {
  return html`<div class=${`notice ${kind}`} role=${alert ? "alert" : undefined}>
    <${Icon} name=${icon ?? SYMBOLS[kind]} />
    <div class="grow">${children}</div>
  </div>`;
}
