/**
 * The words of the page, in the person's language, and times, days and sizes as that language writes them.
 *
 * The catalogue is the one that every front end shares; the server gives it whole, as a file that browsers keep.
 */

import { signal } from "../vendor.js";
import { asset } from "./assets.js";
import { CallError } from "./errors.js";
import { oneLine } from "./visible.js";

/** @typedef {string | Record<string, string>} Text a text, or one for each plural form, chosen by `count` */

const LANGUAGES = ["en", "es"];
const DAY = 86_400_000;
/** Fields of errors that are names even where they are numbers, and those that are sizes in octets. */
const NAMES = new Set(["cursor", "oldest", "process", "version", "minimum", "found", "known"]);
const SIZES = new Set(["needed", "free"]);

export const language = signal("en");

/** @type {Record<string, Text>} */
let catalogue = {};
/** @type {Intl.PluralRules} */
let plurals;
/** @type {Record<string, Intl.DateTimeFormat>} */
let formats;
/** @type {Intl.NumberFormat} */
let numbers;
/** @type {Intl.RelativeTimeFormat} */
let relatives;

/** Return the best of our languages for this browser. */
function browserLanguage() {
  const wanted = navigator.languages.map((each) => each.slice(0, 2).toLowerCase());
  return wanted.find((each) => LANGUAGES.includes(each)) ?? "en";
}

/**
 * Load the words of a language; views that were drawn in another one are drawn again.
 * @param {string} wanted "auto": by the browser
 */
export async function speak(wanted) {
  const code = LANGUAGES.includes(wanted) ? wanted : browserLanguage();
  const response = await fetch(asset(`texts/${code}.json`));
  catalogue = await response.json();
  plurals = new Intl.PluralRules(code);
  // Days and times as in the person's country, where the browser says which.
  const place = navigator.languages.find((each) => each.toLowerCase().startsWith(code)) ?? code;
  numbers = new Intl.NumberFormat(place, { maximumFractionDigits: 1 });
  relatives = new Intl.RelativeTimeFormat(place, { numeric: "auto" });
  const make = (/** @type {Intl.DateTimeFormatOptions} */ options) => new Intl.DateTimeFormat(place, options);
  formats = {
    time: make({ hour: "2-digit", minute: "2-digit" }),
    weekday: make({ weekday: "long" }),
    day: make({ weekday: "long", day: "numeric", month: "long" }),
    dayOfYear: make({ day: "numeric", month: "long", year: "numeric" }),
    short: make({ day: "numeric", month: "short" }),
    shortOfYear: make({ day: "numeric", month: "numeric", year: "2-digit" }),
    moment: make({ dateStyle: "medium", timeStyle: "short" }),
  };
  document.documentElement.lang = code;
  language.value = code;
}

/**
 * Return a text. A view that calls it is drawn again when the language changes.
 * @param {string} key such as `chat.name`
 * @param {Record<string, unknown>} [params]
 */
export function t(key, params = {}) {
  void language.value;
  let text = catalogue[key];
  if (text === undefined) return key;
  if (typeof text !== "string") text = text[plurals.select(Number(params.count))] ?? text.other ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = params[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : String(value);
  });
}

/**
 * Return the text of a word that the account uses, such as a reason; the word itself where this page does not know it.
 * @param {string} prefix such as `states.reason`
 * @param {string} word
 */
export function known(prefix, word) {
  return `${prefix}.${word}` in catalogue ? t(`${prefix}.${word}`) : oneLine(word);
}

/**
 * Return why a service is no better; in its own words where this page does not know the reason.
 * @param {App.ServiceState} state
 */
export function serviceReason(state) {
  if (state.code !== null && hasText(`states.service-reason.${state.code}`)) return known("states.service-reason", state.code);
  return oneLine(state.reason ?? "");
}

/**
 * Return whether there is a text of this key.
 * @param {string} key
 */
export function hasText(key) {
  void language.value;
  return key in catalogue;
}

/**
 * Return what went wrong, and what to do, in the person's language.
 * @param {unknown} error
 */
export function errorText(error) {
  if (!(error instanceof CallError)) return t("errors.internal", { kind: error instanceof Error ? error.name : "?" });
  const key = `errors.${error.code}`;
  const shown = Object.fromEntries(Object.entries(error.fields).map(([name, value]) => [name, field(name, value)]));
  return key in catalogue ? t(key, shown) : oneLine(error.message);
}

/** @param {string} name @param {unknown} value */
function field(name, value) {
  if (typeof value === "number" && !NAMES.has(name)) return SIZES.has(name) ? size(value) : value;
  return oneLine(String(value));
}

/** @param {string} format @param {number} ms */
function formatted(format, ms) {
  void language.value;
  const date = new Date(ms);
  // A message may claim any time at all.
  return Number.isNaN(date.getTime()) ? "?" : formats[format].format(date);
}

/** Return the time of day. @param {number} ms */
export function time(ms) {
  return formatted("time", ms);
}

/** Return the date and time of day. @param {number} ms */
export function moment(ms) {
  return formatted("moment", ms);
}

/**
 * Return a day in words: today, yesterday, a weekday's name within the last week, otherwise the date.
 * @param {number} ms
 * @param {number} [now]
 */
export function day(ms, now = Date.now()) {
  const ago = daysBetween(ms, now);
  if (ago === 0) return t("time.today");
  if (ago === 1) return t("time.yesterday");
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  return formatted(sameYear ? "day" : "dayOfYear", ms);
}

/**
 * Return when something was, as short as the head of a row has room for.
 * @param {number} ms
 * @param {number} [now]
 */
export function shortTime(ms, now = Date.now()) {
  const ago = daysBetween(ms, now);
  if (ago <= 0) return time(ms);
  if (ago === 1) return t("time.yesterday");
  if (ago < 7) return formatted("weekday", ms);
  return formatted(new Date(ms).getFullYear() === new Date(now).getFullYear() ? "short" : "shortOfYear", ms);
}

/**
 * Return how long ago something was.
 * @param {number} ms
 * @param {number} [now]
 */
export function relative(ms, now = Date.now()) {
  void language.value;
  const seconds = Math.round((ms - now) / 1000);
  const units = /** @type {const} */ ([
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ]);
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return relatives.format(Math.trunc(seconds / length), unit);
  }
  return relatives.format(0, "second");
}

/** Return a size. @param {number} octets */
export function size(octets) {
  void language.value;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [octets, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${numbers.format(unit === 0 ? value : Math.round(value * 10) / 10)} ${units[unit]}`;
}

/** Return a length of time as a clock shows it: 1:05, 1:00:00. @param {number} ms */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * Return how many days of the calendar lie between two moments, here.
 * @param {number} ms
 * @param {number} now
 */
export function daysBetween(ms, now) {
  return Math.round((midnight(now) - midnight(ms)) / DAY);
}

/** @param {number} ms */
function midnight(ms) {
  return new Date(ms).setHours(0, 0, 0, 0);
}
