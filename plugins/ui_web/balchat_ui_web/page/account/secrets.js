/** Secrets as the account takes and gives them: the octets of their text, in base64. */

/**
 * @param {string} text
 * @returns {App.Secret}
 */
export function asSecret(text) {
  return { octets: btoa(String.fromCharCode(...new TextEncoder().encode(text))) };
}

/**
 * Return the text of a secret.
 *
 * @param {App.Secret} secret
 */
export function textOf(secret) {
  return new TextDecoder().decode(Uint8Array.from(atob(secret.octets), (octet) => octet.charCodeAt(0)));
}
