/**
 * Avatars: two letters of a name on a colour that goes with the person's id.
 *
 * The colour is the id's, so that it stays when a contact is renamed, and two people of one name look different. The
 * letters are for the eye alone: whoever listens hears the name beside it.
 */

import { html } from "../vendor.js";
import { Icon } from "./icon.js";

const HUES = Object.freeze([12, 38, 66, 96, 132, 164, 196, 224, 254, 284, 314, 344]);

/**
 * Return the hue of an id in degrees, always the same.
 *
 * @param {string} id
 * @returns {number}
 */
export function hueOf(id) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193) >>> 0;
  return HUES[hash % HUES.length] ?? 196;
}

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * Return the first letters of the first and the last word of a name, at most two.
 *
 * @param {string} name
 * @returns {string}
 */
export function initials(name) {
  const words = name.split(/[\s\p{Cf}]+/u).filter((word) => /[\p{L}\p{N}\p{Emoji_Presentation}]/u.test(word));
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return chosen.map((word) => first(word ?? "")).join("");
}

/** @param {string} word */
function first(word) {
  const from = word.search(/[\p{L}\p{N}\p{Emoji_Presentation}]/u);
  for (const { segment } of letters.segment(word.slice(Math.max(from, 0)))) return segment.toLocaleUpperCase().slice(0, 8);
  return "";
}

/**
 * Draw somebody's avatar. `kind` is "self" for notes to oneself and "group" for several people: both have a symbol.
 *
 * @param {{ id: string, name: string, size?: "tiny" | "small" | "big", presence?: boolean, kind?: string }} props
 */
export function Avatar({ id, name, size, presence = false, kind }) {
  const symbol = kind === "self" ? "notes" : kind === "group" ? "people" : initials(name) ? null : "person";
  const classes = ["avatar", size, kind === "self" && "plain"].filter(Boolean).join(" ");
  return html`<span class=${classes} style=${{ "--hue": hueOf(id) }} aria-hidden="true">
    ${symbol ? html`<${Icon} name=${symbol} />` : initials(name)}
    ${presence ? html`<span class="presence"></span>` : null}
  </span>`;
}
