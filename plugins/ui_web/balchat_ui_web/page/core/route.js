/**
 * Which screen is shown. The URL has the screen's name only; ids live in the state of the history's entry, so that
 * neither the URL nor the browser's history says anything of people or messages.
 */

import { signal } from "../vendor.js";

/**
 * @typedef {Record<string, string | number | boolean | null>} Params
 * @typedef {{name: string, params: Params}} Route
 */

/** @returns {Route} */
function current() {
  const name = /^#\/([a-z-]{1,40})$/.exec(location.hash)?.[1];
  return name === undefined ? { name: "chats", params: {} } : { name, params: history.state?.params ?? {} };
}

/** @type {import("../vendor.js").Signal<Route>} */
export const route = signal(current());

/**
 * Show a screen.
 * @param {string} name
 * @param {Params} [params]
 * @param {{replace?: boolean}} [how] `replace`: in place of the present one, so that "back" passes it over
 */
export function go(name, params = {}, { replace = false } = {}) {
  if (replace) history.replaceState({ params }, "", `#/${name}`);
  else history.pushState({ params }, "", `#/${name}`);
  route.value = { name, params };
}

/** Go back to the screen before, or to the list where there is none. */
export function back() {
  if (history.state === null) go("chats", {}, { replace: true });
  else history.back();
}

/** Follow the browser's own "back" and "forward". */
export function followHistory() {
  addEventListener("popstate", () => {
    route.value = current();
  });
}
