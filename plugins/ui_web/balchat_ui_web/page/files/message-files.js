/** The files of a message. */

import { html } from "../vendor.js";
import { oneLine } from "../core/visible.js";

/** @param {{files: App.FileView[], message: App.MessageView}} props */
export function MessageFiles({ files }) {
  return html`<ul>${files.map((each) => html`<li key=${each.id}>${oneLine(each.name)}</li>`)}</ul>`;
}
