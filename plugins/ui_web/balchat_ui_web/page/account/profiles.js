/** The accounts on this machine. Another one takes the place of the present one in every window. */

import { html, useSignal } from "../vendor.js";
import { call } from "../core/calls.js";
import { web } from "../core/store.js";
import { t } from "../core/texts.js";
import { Avatar } from "../parts/avatar.js";
import { Button } from "../parts/button.js";
import { useDoing } from "../parts/doing.js";
import { TextField } from "../parts/field.js";
import { Icon } from "../parts/icon.js";
import { Notice } from "../parts/notice.js";
import { Page, Section } from "../parts/page.js";

/**
 * Every profile as a row; the one in use is marked.
 *
 * @param {{ onChosen?: () => void }} props
 */
export function ProfileList({ onChosen }) {
  const { busy, fault, run } = useDoing();
  const state = web.value;
  const choose = async (/** @type {string} */ profile) => {
    if (profile === state?.profile) onChosen?.();
    else if (await run(() => call("web.choose", { profile }))) onChosen?.();
  };
  return html`${fault ? html`<${Notice} kind="bad" alert><p>${fault}</p><//>` : null}
    <ul class="card" aria-busy=${busy || undefined}>
      ${(state?.profiles ?? []).map(
        (profile) => html`<li key=${profile.name}><button type="button" class="row" aria-current=${profile.name === state?.profile ? "true" : undefined} onClick=${() => choose(profile.name)}>
          <${Avatar} id=${profile.name} name=${profile.name} size="small" />
          <span class="grow"><span class="one-line" dir="auto">${profile.name}</span><small>${t(`entry.account-${profile.account}`)}</small></span>
          ${profile.name === state?.profile ? html`<${Icon} name="check" />` : null}
        </button></li>`,
      )}
    </ul>`;
}

/** A field for a profile that is not there yet. */
export function NewProfile() {
  const name = useSignal("");
  const { busy, fault, run } = useDoing();
  const make = async (/** @type {Event} */ event) => {
    event.preventDefault();
    await run(() => call("web.choose", { profile: name.value.trim() }));
  };
  return html`<form class="card padded stack" onSubmit=${make}>
    <${TextField} label=${t("settings.profile-name")} hint=${t("settings.profile-name-hint")} value=${name.value} fault=${fault} required
      maxlength="64" autocomplete="off" onInput=${(/** @type {string} */ text) => (name.value = text)} />
    <div><${Button} type="submit" icon="plus" busy=${busy}>${t("settings.profile-make")}<//></div>
  </form>`;
}

export function ProfilesScreen() {
  return html`<${Page} title=${t("settings.profiles")} deep>
    <p class="quiet-text">${t("settings.profiles-lead")}</p>
    <${ProfileList} />
    <${Section} title=${t("settings.profile-new")}><${NewProfile} /><//>
  <//>`;
}
