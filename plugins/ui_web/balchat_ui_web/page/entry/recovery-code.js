/** A recovery code: shown this once, and gone on from only when its last group was typed from where it was written to. */

import { html, useSignal } from "../vendor.js";
import { t } from "../core/texts.js";
import { Button } from "../parts/button.js";
import { CopyButton } from "../parts/copy.js";
import { TextField } from "../parts/field.js";
import { Notice } from "../parts/notice.js";

/** @param {string} code */
function groupsOf(code) {
  return code.includes("-") ? code.split("-") : (code.match(/.{1,4}/g) ?? []);
}

/**
 * Return whether what was typed is the last group of a code, however it was written.
 *
 * @param {string} code
 * @param {string} typed
 */
export function isLastGroup(code, typed) {
  const plain = (/** @type {string} */ text) => text.toUpperCase().replace(/[\s-]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");
  const last = plain(groupsOf(code).at(-1) ?? "");
  return last !== "" && (plain(typed) === last || plain(typed) === plain(code));
}

/** @param {{ code: string, onDone: () => void }} props */
export function RecoveryCode({ code, onDone }) {
  const typed = useSignal("");
  const wrong = useSignal(false);
  const groups = groupsOf(code);
  const confirmed = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    if (isLastGroup(code, typed.value)) onDone();
    else wrong.value = true;
  };
  return html`<div class="stack">
    <${Notice} kind="warn" icon="key"><p>${t("entry.recovery-lead")}</p><//>
    <p class="recovery-code digits" aria-label=${t("entry.recovery-title")} tabindex="0">${groups.map((group, at) => html`<span>${group}</span>${at + 1 < groups.length ? html`<span class="unseen">-</span>` : null}`)}</p>
    <div class="cluster"><${CopyButton} text=${code} kind="small">${t("entry.recovery-copy")}<//></div>
    <form class="stack" onSubmit=${confirmed}>
      <${TextField} label=${t("entry.recovery-confirm")} hint=${t("entry.recovery-confirm-hint")} value=${typed.value} class="code" required
        autocomplete="off" autocapitalize="characters" fault=${wrong.value ? t("entry.recovery-wrong") : null}
        onInput=${(/** @type {string} */ text) => {
          typed.value = text;
          wrong.value = false;
        }} />
      <${Button} kind="primary wide" type="submit">${t("entry.recovery-kept")}<//>
    </form>
  </div>`;
}
