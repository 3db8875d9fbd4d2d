/**
 * Dialogs: the browser's own, so that what lies behind is inert, Escape closes, and focus goes back to where it was.
 */

import { html, signal, useId, useLayoutEffect, useRef } from "../vendor.js";
import { t } from "../core/texts.js";
import { Button, IconButton } from "./button.js";

/** @typedef {import("../vendor.js").ComponentChildren} Children */

/**
 * A dialog that is open as long as it is drawn. `onClose` is called when the person leaves it; then draw it no more.
 * The first element with `autofocus` gets the focus, otherwise the first one that can have it.
 *
 * @param {{ title: string, onClose: () => void, children?: Children, footer?: Children, class?: string }} props
 */
export function Dialog({ title, onClose, children, footer, class: extra = "" }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const heading = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const outside = (/** @type {PointerEvent} */ event) => {
    if (event.target === element.current) onClose();
  };
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${extra} aria-labelledby=${heading} onPointerDown=${outside} onCancel=${cancel}>
    <div class="dialog">
      <header>
        <h2 id=${heading}>${title}</h2>
        <${IconButton} icon="close" label=${t("common.close")} onClick=${onClose} />
      </header>
      ${children}
      ${footer ? html`<footer>${footer}</footer>` : null}
    </div>
  </dialog>`;
}

/**
 * @typedef {{ title: string, text?: string, action: string, danger?: boolean, answer: (agreed: boolean) => void }} Question
 */

const question = signal(/** @type {Question | null} */ (null));

/**
 * Ask the person whether to go on. Return whether they agreed.
 *
 * @param {{ title: string, text?: string, action: string, danger?: boolean }} asked `action` is what the button says
 * @returns {Promise<boolean>}
 */
export function confirm(asked) {
  question.value?.answer(false);
  return new Promise((resolve) => {
    const answer = (/** @type {boolean} */ agreed) => {
      question.value = null;
      resolve(agreed);
    };
    question.value = { ...asked, answer };
  });
}

/** Draw the question that is open, if one is. It stands once in the page. */
export function Questions() {
  if (!question.value) return null;
  const { title, text, action, danger, answer } = question.value;
  const footer = html`
    <${Button} onClick=${() => answer(false)} autofocus>${t("common.cancel")}<//>
    <${Button} kind=${danger ? "danger" : "primary"} onClick=${() => answer(true)}>${action}<//>`;
  return html`<${Dialog} title=${title} onClose=${() => answer(false)} footer=${footer}>
    ${text ? html`<p class="quiet-text">${text}</p>` : null}
  <//>`;
}
