/** Says that what is shown may be old, for as long as the connection is lost. */

import { html } from "../vendor.js";
import { connection, web } from "../core/store.js";
import { t } from "../core/texts.js";

export function Reconnecting() {
  const lost = connection.value === "reconnecting";
  const unreachable = web.value?.account === "unreachable";
  return html`<div role="status" class="reconnecting">
    ${lost || unreachable
      ? html`<div class="reconnecting-line">
          <span class="busy" aria-hidden="true"></span><span>${t(lost ? "web.reconnecting" : "web.account-unreachable")}</span>
        </div>`
      : null}
  </div>`;
}
