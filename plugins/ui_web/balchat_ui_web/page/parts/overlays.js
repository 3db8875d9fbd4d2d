/** What lies above every screen. It stands once in the page. */

import { html } from "../vendor.js";
import { Questions } from "./dialog.js";
import { Menus } from "./menu.js";
import { Toasts } from "./toasts.js";

export function Overlays() {
  return html`<${Questions} /><${Menus} /><${Toasts} />`;
}
