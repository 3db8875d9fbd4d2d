/**
 * Menus: one at a time, in the browser's top layer, by pointer and by arrow keys.
 *
 * A menu closes when something is chosen, by Escape, and by a click elsewhere. Focus goes back to what it was opened
 * from before the choice acts, so that a dialog opened by it returns the focus there, too.
 */

import { html, signal, useLayoutEffect, useRef } from "../vendor.js";
import { IconButton } from "./button.js";
import { Icon } from "./icon.js";

const MARGIN = 8;

/**
 * @typedef {{ label: string, icon?: string, keys?: string, danger?: boolean, checked?: boolean,
 *   onSelect: () => void } | null} MenuItem null is a line
 * @typedef {{ left: number, right: number, top: number, bottom: number }} Place
 */

const shown = signal(/** @type {{ items: MenuItem[], label: string, place: Place, from: HTMLElement | null } | null} */ (null));

/**
 * Open a menu at an element, or at a point such as that of a right click.
 *
 * @param {HTMLElement | { x: number, y: number }} at
 * @param {MenuItem[]} items
 * @param {string} label what the menu is called
 */
export function openMenu(at, items, label) {
  const isElement = at instanceof HTMLElement;
  const place = isElement ? at.getBoundingClientRect() : { left: at.x, right: at.x, top: at.y, bottom: at.y };
  const from = isElement ? at : /** @type {HTMLElement | null} */ (document.activeElement);
  shown.value = { items, label, place, from };
}

/** @param {HTMLElement} menu @param {Place} place */
function put(menu, place) {
  const { width, height } = menu.getBoundingClientRect();
  const rtl = document.documentElement.dir === "rtl";
  const across = rtl ? place.right - width : place.left;
  const below = place.bottom + 4;
  const top = below + height + MARGIN > innerHeight ? Math.max(place.top - height - 4, MARGIN) : below;
  menu.style.left = `${Math.max(MARGIN, Math.min(across, innerWidth - width - MARGIN))}px`;
  menu.style.top = `${Math.max(MARGIN, Math.min(top, innerHeight - height - MARGIN))}px`;
}

/** Draw the menu that is open, if one is. It stands once in the page. */
export function Menus() {
  return shown.value ? html`<${OpenMenu} key=${shown.value} ...${shown.value} />` : null;
}

/** @param {{ items: MenuItem[], label: string, place: Place, from: HTMLElement | null }} props */
function OpenMenu({ items, label, place, from }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    const menu = element.current;
    if (!menu) return;
    menu.showPopover();
    put(menu, place);
    /** @type {HTMLElement | null} */ (menu.querySelector("[role^=menuitem]"))?.focus();
  }, []);
  const close = () => {
    shown.value = null;
    from?.focus();
  };
  const toggled = (/** @type {ToggleEvent} */ event) => {
    if (event.newState === "closed" && shown.value?.items === items) close();
  };
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const all = /** @type {HTMLElement[]} */ ([...(element.current?.querySelectorAll("[role^=menuitem]") ?? [])]);
    const next = all[follower(event.key, all.indexOf(/** @type {HTMLElement} */ (document.activeElement)), all)];
    if (event.key === "Tab" || event.key === "Escape") close();
    else next?.focus();
    if (next || event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  // In a landmark of its own, as everything that is read is in one.
  return html`<section aria-label=${label}><div ref=${element} class="menu" role="menu" aria-label=${label} popover="auto" onToggle=${toggled} onKeyDown=${pressed}>
    ${items.map((item) => (item ? html`<${Item} item=${item} close=${close} />` : html`<hr role="separator" />`))}
  </div></section>`;
}

/**
 * Return which item a key goes to, -1 for none: by arrows, to the ends, or to the next one that begins with a letter.
 *
 * @param {string} key
 * @param {number} now
 * @param {HTMLElement[]} all
 */
function follower(key, now, all) {
  if (key === "ArrowDown") return (now + 1) % all.length;
  if (key === "ArrowUp") return (now - 1 + all.length) % all.length;
  if (key === "Home") return 0;
  if (key === "End") return all.length - 1;
  if (key.length !== 1 || key === " ") return -1;
  const order = [...all.keys()].map((at) => (now + 1 + at) % all.length);
  const letter = key.toLocaleLowerCase();
  return order.find((at) => all[at]?.textContent?.trim().toLocaleLowerCase().startsWith(letter)) ?? -1;
}

/** @param {{ item: NonNullable<MenuItem>, close: () => void }} props */
function Item({ item, close }) {
  const choose = () => {
    close();
    item.onSelect();
  };
  const checkable = item.checked !== undefined;
  return html`<button type="button" class=${item.danger ? "menu-item bad" : "menu-item"} tabindex="-1"
    role=${checkable ? "menuitemcheckbox" : "menuitem"} aria-checked=${checkable ? String(item.checked) : undefined}
    onClick=${choose}>
    ${item.icon ? html`<${Icon} name=${item.icon} />` : null}
    <span class="grow">${item.label}</span>
    ${item.checked ? html`<${Icon} name="check" size="small" />` : null}
    ${item.keys ? html`<kbd>${item.keys}</kbd>` : null}
  </button>`;
}

/**
 * A button that opens a menu.
 *
 * @param {{ icon: string, label: string, items: () => MenuItem[] }} props `items` are asked for when it opens.
 */
export function MenuButton({ icon, label, items }) {
  const open = (/** @type {Event} */ event) => openMenu(/** @type {HTMLElement} */ (event.currentTarget), items(), label);
  return html`<${IconButton} icon=${icon} label=${label} aria-haspopup="menu" onClick=${open} />`;
}
