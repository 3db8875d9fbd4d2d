/**
 * Text of others, made harmless: nothing in it moves, hides or imitates what stands around it.
 *
 * Controls show as their pictures (␛), overrides of the reading direction and other hidden characters as `<U+202E>`;
 * what only sets a text is left out; joiners, variation selectors and flags stay, since scripts and emoji need them.
 * The browser isolates each text (`dir="auto"`), so its direction ends with it. As in balchat_host/api/text.py.
 */

/** Marks on one letter at most (UTS 39, section 5.4): more run into the lines around. */
const MAX_MARKS = 4;
const FLAG = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}/gu;
const LEFT_OUT = /[\u00ad\u200b\u2060-\u2064\u2066-\u2069\ufeff]/gu;
const HIDDEN = /(?![\n\t\u061c\u180e\u200c-\u200f])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const MANY_MARKS = /(?:(?![\ufe00-\ufe0f\u{e0100}-\u{e01ef}])[\p{Mn}\p{Me}]){5,}/gu;
const HARMLESS = /^[\n\x20-\x7e]*$/;

/**
 * Return a text harmless; line ends stay.
 * @param {string} text
 */
export function visible(text) {
  if (HARMLESS.test(text)) return text;
  const even = text.replace(/\r\n?|\u2028|\u2029/g, "\n").replace(LEFT_OUT, "");
  // Flags are spelt with hidden characters: what stands between them is looked at.
  let [shown, end] = ["", 0];
  for (const flag of even.matchAll(FLAG)) {
    shown += harmless(even.slice(end, flag.index)) + flag[0];
    end = flag.index + flag[0].length;
  }
  return shown + harmless(even.slice(end));
}

/**
 * Return a text harmless and on one line.
 * @param {string} text
 */
export function oneLine(text) {
  return visible(text).replace(/\s*\n\s*/g, " ");
}

/** @param {string} text */
function harmless(text) {
  return text
    .replace(HIDDEN, picture)
    .replace(MANY_MARKS, (marks) => `${[...marks].slice(0, MAX_MARKS).join("")}<${[...marks].length - MAX_MARKS}>`);
}

/** @param {string} character */
function picture(character) {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x7f) return "\u2421";
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}
