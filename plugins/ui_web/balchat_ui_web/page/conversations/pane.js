/** The pane of conversations: search, list, what is put away, and how the network is. */

import { computed, html, useCallback, useMemo, useState } from "../vendor.js";
import { Hits } from "../chat/hits.js";
import { useEscape } from "../core/keys.js";
import { go, route } from "../core/route.js";
import { conversations, order, requests } from "../core/store.js";
import { t } from "../core/texts.js";
import { AccountButton } from "../account/account-menu.js";
import { IconButton } from "../parts/button.js";
import { Empty } from "../parts/empty.js";
import { SearchField } from "../parts/field.js";
import { Icon } from "../parts/icon.js";
import { Badge } from "../parts/badge.js";
import { ConnectionState } from "../people/connection-state.js";
import { Reconnecting } from "./reconnecting.js";
import { ConversationList } from "./list.js";
import { titleOf } from "./summary.js";

export function ConversationPane() {
  const [words, setWords] = useState("");
  const [archive, setArchive] = useState(false);
  const shown = useShown(words, archive);
  useEscape(words !== "", () => setWords(""));
  useEscape(archive && words === "", () => setArchive(false));
  const open = useCallback((/** @type {string} */ id) => {
    go("chat", { conversation: id }, { replace: route.peek().name === "chat" });
  }, []);
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const first = shown.ids[0];
    if (event.key === "Enter" && words !== "" && first !== undefined) {
      open(first);
      setWords("");
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      /** @type {HTMLElement | null} */ (document.querySelector(".conversation[tabindex='0']"))?.focus();
    }
  };
  return html`<nav class="pane app-list" aria-label=${t("conversations.title")}>
    <div class="pane-head">
      <${AccountButton} />
      <div class="grow" onKeyDown=${pressed}>
        <${SearchField} id="search-conversations" label=${t("conversations.search")} value=${words} onInput=${setWords} aria-keyshortcuts="Control+K" />
      </div>
      <${IconButton} icon="person-add" label=${t("people.add")} onClick=${() => go("add")} />
    </div>
    <div class="only-narrow-block"><${Reconnecting} /></div>
    <${Requests} />
    ${archive ? html`<${ArchiveHead} onLeave=${() => setArchive(false)} />` : null}
    ${shown.ids.length === 0 && words === ""
      ? html`<div class="pane-body"><${Nothing} archive=${archive} /></div>`
      : html`<${ConversationList} key=${archive} ids=${shown.ids} label=${t(archive ? "conversations.archive-title" : "conversations.title")} onOpen=${open} />`}
    ${words.trim().length > 1 ? html`<${Hits} words=${words} conversation=${null} />` : null}
    ${shown.archived > 0 && !archive && words === ""
      ? html`<button type="button" class="row archive-row" onClick=${() => setArchive(true)}>
          <${Icon} name="archive" /><span class="grow">${t("conversations.archive-title")}</span><small>${shown.archived}</small>
        </button>`
      : null}
    <div class="pane-foot"><${ConnectionState} /></div>
  </nav>`;
}

/**
 * Return which conversations are shown, and how many are put away.
 * @param {string} words
 * @param {boolean} archive
 */
function useShown(words, archive) {
  const all = listed.value;
  const wanted = plainLetters(words.trim());
  return useMemo(() => {
    const found = all.filter((each) => (wanted === "" ? each.archived === archive : each.letters.includes(wanted)));
    return { ids: found.map((each) => each.id), archived: all.filter((each) => each.archived).length };
  }, [all, wanted, archive]);
}

/** What the list and the search in it need of each conversation: a message that comes changes none of it. */
const facts = computed(() =>
  order.value
    .map((id) => ({ id, view: conversations.get(id)?.value }))
    .map(({ id, view }) => (view === undefined ? "" : `${id} ${view.archived ? 1 : 0}${titleOf(view)}`))
    .join("\n"),
);

/** The conversations in their order, each with its title as it is looked for. */
const listed = computed(() =>
  facts.value
    .split("\n")
    .filter((each) => each !== "")
    .map((each) => {
      const after = each.indexOf(" ") + 1;
      return { id: each.slice(0, after - 1), archived: each[after] === "1", letters: plainLetters(each.slice(after + 1)) };
    }),
);

/**
 * Return a text without case and accents.
 * @param {string} text
 */
export function plainLetters(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function Requests() {
  const count = requests.value.length;
  if (count === 0) return null;
  return html`<button type="button" class="row requests-row" onClick=${() => go("requests")}>
    <${Icon} name="person-add" /><span class="grow">${t("conversations.requests")}</span>
    <${Badge} count=${count} label=${t("conversations.requests-count", { count })} />
  </button>`;
}

/** @param {{onLeave: () => void}} props */
function ArchiveHead({ onLeave }) {
  return html`<div class="archive-head">
    <${IconButton} icon="back" label=${t("common.back")} onClick=${onLeave} /><h2>${t("conversations.archive-title")}</h2>
  </div>`;
}

/** @param {{archive: boolean}} props */
function Nothing({ archive }) {
  if (archive) return html`<${Empty} icon="archive" title=${t("conversations.archive-empty")} />`;
  return html`<${Empty} icon="people" title=${t("conversations.empty")} text=${t("conversations.empty-hint")} />`;
}
