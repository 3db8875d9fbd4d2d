/** The cheat sheet: what keys do, from the table that the keys themselves are read from. */

import { html, signal } from "../vendor.js";
import { KEYS, keyName } from "../core/keys.js";
import { setting } from "../core/store.js";
import { t } from "../core/texts.js";
import { Dialog } from "../parts/dialog.js";

const open = signal(false);

export function showCheats() {
  open.value = true;
}

export function Cheats() {
  if (!open.value) return null;
  const close = () => {
    open.value = false;
  };
  return html`<${Dialog} title=${t("keys.page-title")} onClose=${close} class="cheats">
    ${Object.entries(KEYS).map(
      ([place, keys]) => html`<section class="section" key=${place}>
        <h3>${t(`keys.page-place.${place}`)}</h3>
        <dl>
          ${Object.entries(keys).map(
            ([name, combinations]) => html`<div class="cheat">
              <dt>${t(`keys.page.${name}`)}</dt>
              <dd>${combinationsOf(name, combinations).map((each) => html`<kbd>${keyName(each)}</kbd> `)}</dd>
            </div>`,
          )}
        </dl>
      </section>`,
    )}
  <//>`;
}

/**
 * @param {string} name
 * @param {readonly string[]} combinations
 */
function combinationsOf(name, combinations) {
  if (setting("settings.ui_web.enter_sends", true)) return combinations;
  if (name === "send") return ["Mod+Enter"];
  return name === "new-line" ? ["Enter", ...combinations.slice(1)] : combinations;
}
