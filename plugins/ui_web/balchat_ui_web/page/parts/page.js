/** Pages: a head with the way back, and one column below it. */

import { html } from "../vendor.js";
import { back } from "../core/route.js";
import { t } from "../core/texts.js";
import { IconButton } from "./button.js";

/** @typedef {import("../vendor.js").ComponentChildren} Children */

/**
 * A page in a pane. Its title gets the focus when the page comes, so that whoever listens hears where they are.
 * `deep`: there is a way back on wide screens, too. `actions` stand at the end of the head.
 *
 * @param {{ title: string, deep?: boolean, actions?: Children, children?: Children, onBack?: () => void }} props
 */
export function Page({ title, deep = false, actions, children, onBack = back }) {
  const focused = (/** @type {HTMLElement | null} */ heading) => {
    if (heading && !heading.dataset.reached) {
      heading.dataset.reached = "true";
      heading.focus({ preventScroll: true });
    }
  };
  return html`<header class="pane-head">
      <span class=${deep ? "" : "only-narrow"}><${IconButton} icon="back" label=${t("common.back")} onClick=${onBack} /></span>
      <h1 class="one-line" tabindex="-1" ref=${focused}>${title}</h1>
      ${actions}
    </header>
    <div class="pane-body"><div class="page">${children}</div></div>`;
}

/**
 * A part of a page under a small heading.
 *
 * @param {{ title: string, note?: Children, children?: Children }} props
 */
export function Section({ title, note, children }) {
  return html`<section class="section">
    <h2>${title}</h2>
    ${children}
    ${note ? html`<p class="fine">${note}</p>` : null}
  </section>`;
}
