/** Toasts: what just happened, said once and politely. What must not be missed does not stand here. */

import { html, signal } from "../vendor.js";

const STAYS = 5_000;
const STAYS_WITH_ACTION = 9_000;
const AT_MOST = 3;

/**
 * @typedef {{ label: string, onClick: () => void }} ToastAction
 * @typedef {{ number: number, text: string, action: ToastAction | undefined }} Toast
 */

const toasts = signal(/** @type {Toast[]} */ ([]));
let numbers = 0;

/**
 * Say something for a few seconds.
 *
 * @param {string} text
 * @param {{ action?: ToastAction }} [options]
 */
export function toast(text, { action } = {}) {
  numbers += 1;
  const number = numbers;
  const others = toasts.value.filter((each) => each.text !== text);
  toasts.value = [...others, { number, text, action }].slice(-AT_MOST);
  setTimeout(() => take(number), action ? STAYS_WITH_ACTION : STAYS);
}

/** @param {number} number */
function take(number) {
  toasts.value = toasts.value.filter((each) => each.number !== number);
}

/** Draw the toasts. It stands once in the page, also while there are none: otherwise nobody would hear the first. */
export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      ({ number, text, action }) => html`<div class="toast" key=${number}>
        <span class="grow">${text}</span>
        ${action
          ? html`<button type="button" onClick=${() => {
              take(number);
              action.onClick();
            }}>${action.label}</button>`
          : null}
      </div>`,
    )}
  </div>`;
}
