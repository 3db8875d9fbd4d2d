/**
 * The keyboard: one table of what keys do, which the cheat sheet shows as it is.
 *
 * No key that browsers use is taken, but for Ctrl+K where a page may. `Mod` is Ctrl, or Cmd on a Mac. Esc goes up one
 * step of a ladder: whoever has something to close registers it, and the newest one closes first.
 */

import { useEffect, useRef } from "../vendor.js";

/** What keys do, by the places where they do it. The words are `keys.<name>`. */
export const KEYS = Object.freeze({
  everywhere: Object.freeze({
    "chat-previous": ["Alt+ArrowUp"],
    "chat-next": ["Alt+ArrowDown"],
    "unread-next": ["Alt+Shift+ArrowDown"],
    jump: ["Mod+K"],
    "search-all": ["Mod+Shift+F"],
    "cheat-sheet": ["Mod+/"],
    up: ["Escape"],
  }),
  composer: Object.freeze({
    send: ["Enter"],
    "new-line": ["Shift+Enter", "Alt+Enter", "Ctrl+J"],
    "edit-last": ["ArrowUp"],
    emoji: [":"],
  }),
  messages: Object.freeze({
    "message-previous": ["ArrowUp"],
    "message-next": ["ArrowDown"],
    "message-menu": ["Enter", "Shift+F10"],
    reply: ["R"],
    react: ["E"],
    copy: ["Mod+C"],
    select: ["Space"],
    "to-end": ["End"],
  }),
});

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/**
 * Return whether an event is of a key such as `Mod+Shift+F`.
 * @param {KeyboardEvent} event
 * @param {string} combination
 */
export function isKey(event, combination) {
  const parts = combination.split("+");
  const key = parts.pop() ?? "";
  const mod = parts.includes("Mod");
  const wants = (/** @type {string} */ name) => parts.includes(name);
  return (
    (event.key.toLowerCase() === key.toLowerCase() || (key === "Space" && event.key === " ")) &&
    event.ctrlKey === (wants("Ctrl") || (mod && !MAC)) &&
    event.metaKey === (mod && MAC) &&
    event.altKey === wants("Alt") &&
    // A slash may need Shift, on some keyboards.
    (event.shiftKey === wants("Shift") || key === "/")
  );
}

/**
 * Return how a key is called on this machine.
 * @param {string} combination
 */
export function keyName(combination) {
  const names = /** @type {Record<string, string>} */ ({
    Mod: MAC ? "⌘" : "Ctrl",
    ArrowUp: "↑",
    ArrowDown: "↓",
    Escape: "Esc",
  });
  return combination
    .split("+")
    .map((each) => names[each] ?? each)
    .join(" + ");
}

/** @type {{close: () => void}[]} */
const ladder = [];

/**
 * While something is open, have Esc close it; what opened last closes first.
 * @param {boolean} open
 * @param {() => void} close
 */
export function useEscape(open, close) {
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    if (!open) return undefined;
    const rung = { close: () => latest.current() };
    ladder.push(rung);
    return () => {
      ladder.splice(ladder.indexOf(rung), 1);
    };
  }, [open]);
}

/**
 * Have keys do things, wherever the focus is.
 * @param {Record<string, () => void>} actions by the names of the table `KEYS.everywhere`
 */
export function useKeys(actions) {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      if (event.defaultPrevented || event.isComposing) return;
      if (event.key === "Escape") {
        // A dialog of the browser's own closes by itself.
        if (document.querySelector("dialog[open]") !== null || ladder.length === 0) return;
        event.preventDefault();
        ladder[ladder.length - 1]?.close();
        return;
      }
      for (const [name, keys] of Object.entries(KEYS.everywhere)) {
        const action = latest.current[name];
        if (action === undefined || !keys.some((each) => isKey(event, each))) continue;
        if (document.querySelector("dialog[open]") !== null) return;
        event.preventDefault();
        action();
        return;
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
