/** What is read out as it happens in the open conversation: what comes, and how what we wrote gets on. */

import { html, signal, useEffect } from "../vendor.js";
import { onEvent } from "../core/follow.js";
import { attending } from "./attend.js";
import { messageSentence, stateWords } from "./words.js";

/** @type {import("../vendor.js").Signal<{key: number, text: string}[]>} */
const said = signal([]);
/** Sentences that stand in the region: each is read when it is added. */
const MOST = 4;
let number = 0;

/** @param {string} text */
function say(text) {
  if (text === "") return;
  number += 1;
  said.value = [...said.peek(), { key: number, text }].slice(-MOST);
}

onEvent((event) => {
  if (event.type !== "message.added" && event.type !== "message.changed") return;
  if (event.message.conversation !== attending.peek()) return;
  if (event.type === "message.added" && event.message.author !== null) say(messageSentence(event.message));
  if (event.type === "message.changed" && event.changed.includes("state")) say(stateWords(event.message));
});

export function Live() {
  useEffect(() => {
    said.value = [];
  }, [attending.value]);
  return html`<div class="unseen" role="log" aria-live="polite">${said.value.map((each) => html`<p key=${each.key}>${each.text}</p>`)}</div>`;
}
