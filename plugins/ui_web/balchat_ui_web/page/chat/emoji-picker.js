/** Choosing an emoji: for the text, or to react with. Those that were used last stand first. */

import { html, signal, useEffect, useLayoutEffect, useRef, useState } from "../vendor.js";
import { t } from "../core/texts.js";
import { IconButton } from "../parts/button.js";
import { react, reacting } from "./actions.js";
import { emojiFor, favourites, used } from "./emoji.js";

const SHOWN = 48;
const COLUMNS = 8;

/** @type {import("../vendor.js").Signal<{at: HTMLElement, onTake: (emoji: string) => void} | null>} */
const picking = signal(null);

/** @param {{field: {current: HTMLTextAreaElement | null}, onChange: () => void}} props */
export function EmojiButton({ field, onChange }) {
  const open = (/** @type {Event} */ event) => {
    picking.value = {
      at: /** @type {HTMLElement} */ (event.currentTarget),
      onTake: (emoji) => {
        const element = field.current;
        element?.setRangeText(emoji, element.selectionStart, element.selectionEnd, "end");
        element?.focus();
        onChange();
      },
    };
  };
  return html`<${IconButton} icon="smile" label=${t("chat.emoji")} aria-haspopup="dialog" onClick=${open} />`;
}

/** Draw the picker that is open, if one is. It stands once in the page. */
export function EmojiPicker() {
  const wish = reacting.value;
  useEffect(() => {
    if (wish === null) return;
    reacting.value = null;
    picking.value = { at: wish.at, onTake: (emoji) => void react(wish.message, emoji) };
  }, [wish]);
  const now = picking.value;
  return now === null ? null : html`<${Picker} key=${now} at=${now.at} onTake=${now.onTake} />`;
}

/** @param {{at: HTMLElement, onTake: (emoji: string) => void}} props */
function Picker({ at, onTake }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const [words, setWords] = useState("");
  useLayoutEffect(() => {
    const picker = /** @type {HTMLElement} */ (element.current);
    picker.showPopover();
    const [box, from] = [picker.getBoundingClientRect(), at.getBoundingClientRect()];
    picker.style.left = `${Math.max(8, Math.min(from.left, innerWidth - box.width - 8))}px`;
    picker.style.top = `${from.top > box.height + 8 ? from.top - box.height - 4 : Math.min(from.bottom + 4, innerHeight - box.height - 8)}px`;
    picker.querySelector("input")?.focus();
  }, []);
  const close = () => {
    picking.value = null;
    at.focus();
  };
  const take = (/** @type {string} */ emoji) => {
    used(emoji);
    close();
    onTake(emoji);
  };
  const list = words === "" ? favourites(SHOWN) : emojiFor(words.replace(/^:|:$/g, ""), SHOWN).map((each) => each.emoji);
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const buttons = /** @type {HTMLElement[]} */ ([...(element.current?.querySelectorAll(".emoji") ?? [])]);
    const now = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const steps = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS });
    const step = steps[event.key];
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && now < 0 && list[0] !== undefined) take(list[0]);
    else if (step !== undefined && (now >= 0 || event.key === "ArrowDown")) buttons[now < 0 ? 0 : now + step]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const toggled = (/** @type {ToggleEvent} */ event) => {
    if (event.newState === "closed" && picking.peek()?.at === at) picking.value = null;
  };
  return html`<div class="menu emoji-picker" ref=${element} popover="auto" role="dialog" aria-label=${t("chat.emoji")} onKeyDown=${pressed} onToggle=${toggled}>
    <input class="input" aria-label=${t("chat.emoji-search")} placeholder=${t("chat.emoji-search")} value=${words}
      onInput=${(/** @type {Event} */ event) => setWords(/** @type {HTMLInputElement} */ (event.currentTarget).value)} />
    <div class="emoji-grid">
      ${list.map((each) => html`<button type="button" class="emoji" key=${each} onClick=${() => take(each)}>${each}</button>`)}
    </div>
  </div>`;
}
