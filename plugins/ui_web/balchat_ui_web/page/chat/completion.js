/** What is offered while one types: emoji after `:`, people after `@`. A list under the composer, by arrows and Tab. */

import { html, useCallback, useRef, useState } from "../vendor.js";
import { t } from "../core/texts.js";
import { emojiFor, used } from "./emoji.js";

/** @typedef {{from: number, to: number, insert: string, sign: string, label: string}} Offer what replaces a part of the text */

/**
 * Return what can be offered for what stands before the caret.
 * @param {string} text
 * @param {number} caret
 * @param {string[]} names of whom can be mentioned
 * @returns {Offer[]}
 */
export function offersFor(text, caret, names) {
  const before = text.slice(Math.max(0, caret - 80), caret);
  const emoji = /(?:^|[\s(])(:([a-z0-9_+]{2,30}))$/i.exec(before);
  if (emoji !== null) {
    const [, whole = "", beginning = ""] = emoji;
    return emojiFor(beginning).map((each) => ({
      from: caret - whole.length, to: caret, insert: `${each.emoji} `, sign: each.emoji, label: `:${each.name}:`,
    }));
  }
  const mention = /(?:^|\s)@([^\n@]{0,60})$/.exec(before);
  if (mention === null) return [];
  const beginning = (mention[1] ?? "").toLowerCase();
  return names
    .filter((name) => name.toLowerCase().startsWith(beginning) && beginning !== `${name.toLowerCase()} `)
    .map((name) => ({ from: caret - (mention[1] ?? "").length - 1, to: caret, insert: `@${name} `, sign: "@", label: name }));
}

/**
 * Return what completes a text field: its list, and what to do with keys and input.
 * @param {{field: {current: HTMLTextAreaElement | null}, names: string[], onChange: () => void}} what
 */
export function useCompletion({ field, names, onChange }) {
  const [offers, setOffers] = useState(/** @type {Offer[]} */ ([]));
  const [at, setAt] = useState(0);
  const latest = useRef({ offers, at });
  latest.current = { offers, at };
  const look = useCallback(() => {
    const element = field.current;
    const next = element === null ? [] : offersFor(element.value, element.selectionStart, names);
    if (next.length === 0 && latest.current.offers.length === 0) return;
    setOffers(next);
    setAt(0);
  }, [names.join("\n")]);
  const close = useCallback(() => setOffers([]), []);
  const take = useCallback((/** @type {Offer} */ offer) => {
    const element = field.current;
    if (element === null) return;
    element.setRangeText(offer.insert, offer.from, offer.to, "end");
    if (offer.sign !== "@") used(offer.sign);
    setOffers([]);
    element.focus();
    onChange();
  }, [onChange]);
  /** Return whether a key was for the list. */
  const pressed = useCallback((/** @type {KeyboardEvent} */ event) => {
    const { offers: list, at: now } = latest.current;
    const offer = list[now];
    if (offer === undefined) return false;
    if (event.key === "ArrowDown") setAt((now + 1) % list.length);
    else if (event.key === "ArrowUp") setAt((now - 1 + list.length) % list.length);
    else if (event.key === "Tab" || event.key === "Enter") take(offer);
    else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }, [take]);
  const view = offers.length === 0 ? null : html`<${Offers} offers=${offers} at=${at} onTake=${take} />`;
  return { view, look, close, pressed, active: offers.length > 0 ? `offer-${at}` : undefined };
}

/** @param {{offers: Offer[], at: number, onTake: (offer: Offer) => void}} props */
function Offers({ offers, at, onTake }) {
  const keep = (/** @type {Event} */ event) => event.preventDefault();
  return html`<ul class="offers" id="offers" role="listbox" aria-label=${t("chat.offers")} onMouseDown=${keep}>
    ${offers.map(
      (each, index) => html`<li key=${each.label} id=${`offer-${index}`} role="option" aria-selected=${String(index === at)} onClick=${() => onTake(each)}>
        <span>${each.sign}</span><bdi>${each.label}</bdi>
      </li>`,
    )}
  </ul>`;
}
