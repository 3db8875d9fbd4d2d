/** Searching: in one conversation or everywhere, by words, by who wrote it, and by when. */

import { html, useEffect, useRef, useState } from "../vendor.js";
import { titleOf } from "../conversations/summary.js";
import { useEscape } from "../core/keys.js";
import { back } from "../core/route.js";
import { contacts, conversations } from "../core/store.js";
import { t } from "../core/texts.js";
import { oneLine } from "../core/visible.js";
import { IconButton } from "../parts/button.js";
import { Empty } from "../parts/empty.js";
import { Choice, Field, SearchField } from "../parts/field.js";
import { Hits } from "./hits.js";

const DAY = 86_400_000;
/** Days back, by the names of the choice. */
const SPANS = /** @type {Record<string, number | null>} */ ({ any: null, week: 7, month: 31, year: 366 });

/** @param {{conversation?: string | null}} props */
export function Search({ conversation = null }) {
  const [words, setWords] = useState("");
  const [author, setAuthor] = useState("");
  const [span, setSpan] = useState("any");
  const field = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => field.current?.querySelector("input")?.focus(), [conversation]);
  useEscape(true, back);
  const view = conversation === null ? undefined : conversations.get(conversation)?.value;
  const days = SPANS[span] ?? null;
  const since = days === null ? null : new Date().setHours(0, 0, 0, 0) - days * DAY;
  const label = view === undefined ? t("search.everywhere") : t("search.in", { name: titleOf(view) });
  return html`
    <div class="pane-head">
      <h1 class="unseen">${label}</h1>
      <${IconButton} icon="back" label=${t("common.back")} onClick=${back} />
      <div class="grow" ref=${field}><${SearchField} label=${label} value=${words} onInput=${setWords} /></div>
    </div>
    <div class="pane-body search-body" role="search" aria-label=${label}>
      <div class="search-filters">
        <${Choice} label=${t("search.when")} value=${span} onChange=${setSpan}
          options=${Object.keys(SPANS).map((value) => ({ value, label: t(`search.when-${value}`) }))} hideLabel=${true} />
        <${Field} label=${t("search.author")}>
          ${(/** @type {Record<string, unknown>} */ attributes) => html`<select ...${attributes} value=${author}
            onChange=${(/** @type {Event} */ event) => setAuthor(/** @type {HTMLSelectElement} */ (event.currentTarget).value)}>
            <option value="">${t("search.anybody")}</option>
            <option value="me">${t("chat.you")}</option>
            ${people(view).map((each) => html`<option value=${each.peer_id}>${oneLine(each.name)}</option>`)}
          </select>`}
        <//>
      </div>
      ${words.trim().length < 2
        ? html`<${Empty} icon="search" title=${t("search.title")} text=${t("search.hint")} />`
        : html`<${Hits} words=${words} conversation=${conversation} author=${author === "" ? null : author} since=${since} />`}
    </div>`;
}

/**
 * Return who may have written what is looked for.
 * @param {App.ConversationView | undefined} view
 */
function people(view) {
  if (view?.contact) return [view.contact];
  return [...contacts.value.values()].toSorted((one, other) => one.name.localeCompare(other.name));
}
