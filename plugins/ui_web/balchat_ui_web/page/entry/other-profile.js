/** The way to another account of this machine. */

import { html, useSignal } from "../vendor.js";
import { web } from "../core/store.js";
import { t } from "../core/texts.js";
import { NewProfile, ProfileList } from "../account/profiles.js";
import { Button } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";

export function OtherProfile() {
  const open = useSignal(false);
  const close = () => (open.value = false);
  const state = web.value;
  return html`<${Button} kind="plain small" icon="people" onClick=${() => (open.value = true)}>${t("entry.profile", { name: state?.profile ?? "" })}<//>
    ${open.value
      ? html`<${Dialog} title=${t("settings.profiles")} onClose=${close}>
          <div class="stack">
            ${state?.profiles.length ? html`<${ProfileList} onChosen=${close} />` : null}
            <${NewProfile} />
          </div>
        <//>`
      : null}`;
}
