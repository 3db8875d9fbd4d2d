/** Emoji by short names: a small list of the page's own, those that were used last first. */

import { asset } from "../core/assets.js";

const KEPT_AS = "emoji";
const RECENT = 16;

/** @type {{name: string, emoji: string}[]} */
let list = [];

/** Read the list: `name emoji`, the usual ones first. A name may have several words, joined by `_`. */
export async function loadEmoji() {
  const text = await (await fetch(asset("emoji.txt"))).text();
  list = [...text.matchAll(/(\S+) (\S+)/g)].map(([, name = "", emoji = ""]) => ({ name, emoji }));
}

/** Return what was used last, the newest first, and then the usual ones. @param {number} count */
export function favourites(count) {
  const usual = list.map((each) => each.emoji);
  return [...new Set([...recent(), ...usual])].slice(0, count);
}

/** @returns {string[]} */
function recent() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

/** Remember that an emoji was used, for as long as this tab is open. @param {string} emoji */
export function used(emoji) {
  sessionStorage.setItem(KEPT_AS, JSON.stringify([...new Set([emoji, ...recent()])].slice(0, RECENT)));
}

/**
 * Return the emoji whose names have a word that begins as given: recent ones first, then whole words, then the others.
 * @param {string} beginning
 * @param {number} [most]
 */
export function emojiFor(beginning, most = 8) {
  const wanted = beginning.toLowerCase();
  const lately = recent();
  const rank = (/** @type {{name: string, emoji: string}} */ each) => {
    const place = lately.indexOf(each.emoji);
    if (place >= 0) return place - RECENT;
    return each.name === wanted ? 0 : each.name.startsWith(wanted) ? 1 : 2;
  };
  return list
    .filter((each) => each.name.startsWith(wanted) || each.name.includes(`_${wanted}`))
    .sort((one, other) => rank(one) - rank(other))
    .slice(0, most);
}
