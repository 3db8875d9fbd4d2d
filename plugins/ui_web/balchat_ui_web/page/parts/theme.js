/**
 * How the page looks: by the system until the person chooses otherwise.
 *
 * Light and dark need no script where the system decides: `color-scheme` does it. High contrast sets one attribute in
 * both cases, so that its colours are written once.
 */

import { settings } from "../core/store.js";
import { effect } from "../vendor.js";

const wantsContrast = matchMedia("(prefers-contrast: more)");
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);

/** What the shell says the person has chosen, until their settings are here. */
const atFirst = { ...document.documentElement.dataset };

/** @param {string} name */
function chosen(name) {
  return settings.value.get(`settings.ui_web.${name}`)?.value ?? atFirst[name] ?? "auto";
}

function apply() {
  const root = document.documentElement;
  const theme = chosen("theme");
  if (theme === "auto") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", String(theme));
  const contrast = chosen("contrast") === "more" || wantsContrast.matches;
  root.setAttribute("data-contrast", contrast ? "more" : "normal");
}

/** Follow the settings and the system from now on. Call it once. */
export function followTheme() {
  effect(apply);
  wantsContrast.addEventListener("change", apply);
}

/**
 * Return in which direction a language is written.
 *
 * @param {string} language
 */
export function directionOf(language) {
  return RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
}
