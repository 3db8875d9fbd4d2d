/**
 * What somebody pasted where a chat code belongs: found in whatever stands around it.
 *
 * The account checks a code; here it is only picked out, so that a code inside a whole message can be pasted as it came.
 */

const URI = /balchat:[a-z2-7]{40,80}(?:\?[^\s<>"']*)?/i;
const RELAY = /balchat-relay:[^\s<>"']+/i;
const ONION = /\b[a-z2-7]{56}(?:\.onion)?\b/i;
const TRAILING = /[.,;:!)\]}»”’]+$/u;

/**
 * Return what is meant by a text: a chat code, the address of a relay, or the text as it is.
 *
 * @param {string} text
 * @returns {{ kind: "code" | "relay" | "other", value: string }}
 */
export function meantBy(text) {
  const relay = RELAY.exec(text);
  if (relay) return { kind: "relay", value: relay[0].replace(TRAILING, "") };
  const found = URI.exec(text) ?? ONION.exec(text);
  if (found) return { kind: "code", value: found[0].replace(TRAILING, "") };
  return { kind: "other", value: text.trim() };
}

/**
 * Return the name that a chat code proposes, an empty text where it proposes none.
 *
 * @param {string} code
 */
export function nameIn(code) {
  const query = code.split("?")[1];
  return query ? (new URLSearchParams(query).get("name") ?? "").slice(0, 64) : "";
}
