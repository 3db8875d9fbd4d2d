/** What a search found among messages: each hit opens in its place. */

import { html, useEffect, useState } from "../vendor.js";
import { call } from "../core/calls.js";
import { go } from "../core/route.js";
import { errorText, shortTime, t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { Button } from "../parts/button.js";
import { Notice } from "../parts/notice.js";
import { authorOf } from "./words.js";

/** How long to wait for the next key. */
const PAUSE = 200;
const PAGE = 30;

/** @typedef {{words: string, hits: App.SearchHit[], before: string | null, error: unknown}} Found */

/**
 * @param {{words: string, conversation: string | null, author?: string | null, since?: number | null, until?: number | null,
 *   onOpen?: (message: App.MessageView) => void}} props
 */
export function Hits({ words, conversation, author = null, since = null, until = null, onOpen }) {
  const [found, setFound] = useState(/** @type {Found | null} */ (null));
  const ask = async (/** @type {string | null} */ before) => {
    const page = await call("messages.search", { words, conversation, author, since, until, limit: PAGE, before });
    return { words, hits: page.hits, before: page.resume_before, error: null };
  };
  useEffect(() => {
    let left = false;
    const timer = setTimeout(async () => {
      const next = await ask(null).catch((error) => ({ words, hits: [], before: null, error }));
      if (!left) setFound(next);
    }, PAUSE);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [words, conversation, author, since, until]);
  const more = async () => {
    if (found === null) return;
    const next = await ask(found.before).catch((error) => ({ ...found, hits: [], error }));
    setFound({ ...next, hits: [...found.hits, ...next.hits] });
  };
  if (found === null) return html`<div class="hits" aria-busy="true"></div>`;
  if (found.error !== null) return html`<div class="hits"><${Notice} kind="warn">${errorText(found.error)}<//></div>`;
  const open = onOpen ?? ((message) => go("chat", { conversation: message.conversation, message: message.id }));
  return html`<section class="hits" aria-label=${t("search.results")}>
    <p class="section-title" role="status">${t("search.found", { count: found.hits.length })}${found.before === null ? "" : "+"}</p>
    <ul>
      ${found.hits.map((hit) => html`<li key=${hit.message.id}><${Hit} hit=${hit} words=${found.words} named=${conversation === null} onOpen=${open} /></li>`)}
    </ul>
    ${found.before === null ? null : html`<${Button} kind="plain wide" onClick=${more}>${t("search.more")}<//>`}
  </section>`;
}

/** @param {{hit: App.SearchHit, words: string, named: boolean, onOpen: (message: App.MessageView) => void}} props */
function Hit({ hit, words, named, onOpen }) {
  const title = named ? oneLine(hit.title) : authorOf(hit.message);
  return html`<button type="button" class="row hit" onClick=${() => onOpen(hit.message)}>
    <span class="grow">
      <span class="conversation-head"><bdi class="conversation-title one-line">${title}</bdi>
        <span class="conversation-time">${shortTime(hit.message.sent_at)}</span></span>
      <span class="hit-text">${named ? html`<bdi>${authorOf(hit.message)}</bdi>: ` : null}<bdi>${marked(oneLine(hit.excerpt), words)}</bdi></span>
    </span>
  </button>`;
}

/**
 * Return a text in which the words that were looked for are marked.
 * @param {string} text
 * @param {string} words
 */
function marked(text, words) {
  const wanted = words
    .split(/[\s"*]+/)
    .filter((word) => word.length > 1)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (wanted.length === 0) return text;
  const pieces = text.split(new RegExp(`(${wanted.slice(0, 16).join("|")})`, "iu"));
  return pieces.map((piece, index) => (index % 2 === 1 ? html`<mark>${piece}</mark>` : piece));
}
