/**
 * The list of conversations: only the rows in sight are drawn, so that a thousand cost what ten do.
 *
 * All rows are of one height. The list is one stop of the Tab key; arrows, Home and End move within it.
 */

import { html, useCallback, useLayoutEffect, useRef, useState } from "../vendor.js";
import { ConversationRow } from "./row.js";

/** A row's height in rem; list.css says the same. */
const ROW = 4.25;
/** Rows that are drawn beyond what is in sight. */
const MARGIN = 6;

/** @param {{ids: string[], label: string, onOpen: (id: string) => void}} props */
export function ConversationList({ ids, label, onOpen }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [range, setRange] = useState({ first: 0, last: 20 });
  const [focused, setFocused] = useState(0);
  const wanted = useRef(/** @type {number | null} */ (null));
  const row = ROW * remSize();

  const look = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const first = Math.max(0, Math.floor(element.scrollTop / row) - MARGIN);
    const last = Math.ceil((element.scrollTop + element.clientHeight) / row) + MARGIN;
    setRange((now) => (now.first === first && now.last === last ? now : { first, last }));
  }, [row]);
  useLayoutEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, [look, ids.length]);
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const target = box.current?.querySelector(`[aria-posinset="${wanted.current + 1}"] > button`);
    if (target === null || target === undefined) return;
    wanted.current = null;
    /** @type {HTMLElement} */ (target).focus({ preventScroll: true });
  });

  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = /** @type {Record<string, number>} */ ({
      ArrowDown: focused + 1,
      ArrowUp: focused - 1,
      Home: 0,
      End: ids.length - 1,
      PageDown: focused + 8,
      PageUp: focused - 8,
    });
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(ids.length - 1, step));
    const element = /** @type {HTMLElement} */ (box.current);
    const [top, bottom] = [next * row, (next + 1) * row];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
    wanted.current = next;
    setFocused(next);
    look();
  };
  const first = Math.min(range.first, Math.max(0, ids.length - 1));
  const last = Math.min(range.last, ids.length);
  const stop = Math.min(focused, ids.length - 1);
  return html`<div class="pane-body conversations" ref=${box} onScroll=${look} onKeyDown=${pressed}>
    <ul class="conversation-rows" aria-label=${label} style=${{ height: `${ids.length * ROW}rem`, paddingTop: `${first * ROW}rem` }}>
      ${ids.slice(first, last).map(
        (id, index) => html`<${ConversationRow} key=${id} id=${id} place=${first + index} of=${ids.length}
          focusable=${first + index === stop || (index === 0 && (stop < first || stop >= last))} onOpen=${onOpen} onFocus=${setFocused} />`,
      )}
    </ul>
  </div>`;
}

function remSize() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}
