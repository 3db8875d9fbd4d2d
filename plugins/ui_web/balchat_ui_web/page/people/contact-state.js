/** How we are with a contact, in one line: what stands in the way first, otherwise whether they are within reach. */

import { html } from "../vendor.js";
import { failing, reachable } from "../core/store.js";
import { known, t } from "../core/texts.js";

/**
 * Return whether an alarm means that somebody else may hold our keys.
 *
 * @param {App.AlarmKind | null} alarm
 */
export function isSerious(alarm) {
  return alarm !== null && alarm !== "set-up-again";
}

/**
 * Return the words for how we are with a contact, and how grave that is.
 *
 * @param {App.ContactView} contact
 * @param {{ reachable: boolean, failing: boolean }} now
 * @returns {{ kind: "good" | "warn" | "bad" | "idle", text: string }}
 */
export function stateOf(contact, now) {
  if (contact.blocked) return { kind: "bad", text: t("people.blocked") };
  if (isSerious(contact.alarm)) return { kind: "bad", text: t("people.alarm-short") };
  if (contact.state === "adding") {
    return { kind: "warn", text: contact.reason ? known("states.reason", contact.reason) : t("people.adding") };
  }
  if (contact.state === "requested") return { kind: "warn", text: t("people.requested") };
  if (now.failing) return { kind: "warn", text: t("states.reason.sending-failed") };
  if (contact.reason) return { kind: "warn", text: known("states.reason", contact.reason) };
  if (now.reachable) return { kind: "good", text: t("people.within-reach") };
  return { kind: "idle", text: t("people.away") };
}

/** @param {{ contact: App.ContactView }} props */
export function ContactState({ contact }) {
  const id = contact.peer_id;
  const state = stateOf(contact, { reachable: reachable.value.has(id), failing: failing.value.has(id) });
  return html`<span class="contact-state" role="status">
    ${state.kind === "idle" ? null : html`<span class=${`dot ${state.kind}`} aria-hidden="true"></span>`}
    <span class="one-line">${state.text}</span>
  </span>`;
}
