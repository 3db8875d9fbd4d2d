/**
 * Who we are to the server: the one-use token of the URL's fragment becomes a bearer, which this tab alone keeps.
 *
 * The token leaves the URL before anything else happens, so it stands in no history. There are no cookies.
 */

import { signal } from "../vendor.js";
import { lost, refusal } from "./errors.js";

const KEPT_AS = "bearer";

/** @type {import("../vendor.js").Signal<string | null>} The secret of this tab's session; null where there is none. */
export const bearer = signal(sessionStorage.getItem(KEPT_AS));

/** @type {import("../vendor.js").Signal<unknown>} Why the link did not sign us in. */
export const linkError = signal(null);

/** Take the token out of the URL, and exchange it for a bearer. Without a token, what the tab has is kept. */
export async function signIn() {
  const token = /^#t=([A-Za-z0-9_-]{16,128})$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  history.replaceState(null, "", location.pathname);
  await exchange({ token }).catch((/** @type {unknown} */ error) => {
    linkError.value = error;
  });
}

/** Forget the bearer: it is no longer good for anything. */
export function forgetSession() {
  sessionStorage.clear();
  bearer.value = null;
}

/** Forget all but the bearer, and have the browser do so too: the screen is locked. */
export async function keepOnlyBearer() {
  const kept = bearer.peek() ?? "";
  sessionStorage.clear();
  sessionStorage.setItem(KEPT_AS, kept);
  await authorized("/lock", { method: "POST" }).catch(() => undefined);
}

/**
 * Open a locked screen again. Throw CallError.
 * @param {string} passphrase
 */
export function openAgain(passphrase) {
  return exchange({ bearer: bearer.peek(), passphrase });
}

/** @param {object} body */
async function exchange(body) {
  const response = await fetch("/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
  }).catch(() => {
    throw lost();
  });
  if (!response.ok) throw await refusal(response);
  const answer = await response.json();
  sessionStorage.setItem(KEPT_AS, answer.bearer);
  bearer.value = answer.bearer;
}

/**
 * Fetch a path of the server as ourselves. Throw CallError where it refuses, or cannot be reached.
 * @param {string} path
 * @param {RequestInit} [init]
 */
export async function authorized(path, init = {}) {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${bearer.value ?? ""}`);
  const answer = await fetch(path, { ...init, headers, cache: "no-store" }).catch(() => {
    throw lost();
  });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}
