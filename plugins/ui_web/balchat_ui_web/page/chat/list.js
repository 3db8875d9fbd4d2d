/** The messages of a conversation: a window that is loaded piece by piece while one scrolls. See scroll.js. */

import { html, useCallback, useEffect, useLayoutEffect, useRef, useSignal, useState } from "../vendor.js";
import { attempt } from "../conversations/actions.js";
import { isKey } from "../core/keys.js";
import { conversations, windowOf } from "../core/store.js";
import { day, errorText, t } from "../core/texts.js";
import { Badge } from "../parts/badge.js";
import { Empty } from "../parts/empty.js";
import { IconButton } from "../parts/button.js";
import { Notice } from "../parts/notice.js";
import { Spinner } from "../parts/progress.js";
import { seen } from "./attend.js";
import { Message, pointed } from "./message.js";
import { rowsOf } from "./rows.js";
import { ScrollKeeper } from "./scroll.js";
import { lastSent } from "./sending.js";

/** Screens beyond the edge at which more is loaded. */
const AHEAD = 1.5;
/** How long a message that was jumped to is marked. */
const MARKED = 1600;

/** @type {Map<string, import("./scroll.js").Anchor>} Where conversations were left that were not at their end. */
const places = new Map();

/** @param {{conversation: string, target: string | null, turn: number}} props `target` is a message to go to; `turn` changes with each wish */
export function MessageList({ conversation, target, turn }) {
  const loaded = windowOf(conversation);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const keeper = useRef(/** @type {ScrollKeeper | null} */ (null));
  const [unreadFrom, setUnreadFrom] = useState(/** @type {string | null} */ (null));
  const [focused, setFocused] = useState(/** @type {string | null} */ (null));
  const away = useSignal(false);
  const ready = useRef(false);

  const look = useCallback(() => {
    const scroll = keeper.current;
    if (scroll === null || !ready.current) return;
    const { scrollTop, scrollHeight, clientHeight } = scroll.box;
    loaded.following = scroll.following;
    away.value = !scroll.following || !loaded.atEnd.peek();
    if (scrollTop < AHEAD * clientHeight) void loaded.loadBefore();
    if (scrollHeight - scrollTop - clientHeight < AHEAD * clientHeight) void loaded.loadAfter();
    const last = scroll.lastInSight();
    if (last !== null) seen(conversation, last);
  }, [conversation]);

  const jump = useCallback(
    async (/** @type {string} */ id) => {
      if (!loaded.messages.has(id)) {
        ready.current = false;
        await loaded.openAround(id).catch(() => attempt(loaded.openEnd()));
        await drawn();
        ready.current = true;
      }
      keeper.current?.show(id);
      mark(keeper.current?.row(id));
      look();
    },
    [conversation],
  );

  // Where to begin: at what was asked for, above what is unread, where one left, or at the end.
  useEffect(() => {
    let left = false;
    const begin = async () => {
      const view = conversations.get(conversation)?.peek();
      const unread = view !== undefined && view.unread > 0 ? view.first_unread : null;
      const place = places.get(conversation);
      setUnreadFrom(unread);
      if (target === null) {
        const at = unread ?? place?.id ?? null;
        if (at !== null && !loaded.messages.has(at)) await loaded.openAround(at).catch(() => loaded.openEnd());
        else if (!loaded.loaded.peek()) await loaded.openEnd();
        await drawn();
        if (left) return;
        if (unread !== null) keeper.current?.show(unread);
        else if (place !== undefined) keeper.current?.show(place.id, place.top);
        else await toEnd();
      }
      ready.current = true;
      look();
      if (target !== null) await jump(target);
    };
    void attempt(begin());
    return () => {
      left = true;
      ready.current = false;
      const scroll = keeper.current;
      if (scroll !== null && !scroll.following && scroll.anchor !== null) places.set(conversation, scroll.anchor);
      else places.delete(conversation);
    };
  }, [conversation]);
  const firstTurn = useRef(turn);
  useEffect(() => {
    if (turn !== firstTurn.current && target !== null) void jump(target);
  }, [turn, target]);

  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    keeper.current = new ScrollKeeper(element);
    const observer = new ResizeObserver(() => {
      keeper.current?.keep();
      look();
    });
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, [conversation]);
  const ids = loaded.ids.value;
  const looking = useRef(false);
  useLayoutEffect(() => {
    // At the end the observer moves the view, once all is laid out: to ask for sizes here would lay it out twice.
    if (ready.current && keeper.current?.following === false) keeper.current.keep();
    if (looking.current) return;
    looking.current = true;
    void drawn().then(() => {
      looking.current = false;
      look();
    });
  }, [ids]);

  const toEnd = useCallback(async () => {
    if (!loaded.atEnd.peek()) {
      ready.current = false;
      await loaded.openEnd();
      await drawn();
      ready.current = true;
    }
    keeper.current?.toEnd();
    look();
  }, [conversation]);
  const sent = lastSent.value;
  const sentBefore = useRef(sent);
  useEffect(() => {
    if (sent !== sentBefore.current && sent?.conversation === conversation) void attempt(toEnd());
  }, [sent]);
  const scrolled = useCallback(() => {
    if (ready.current && keeper.current?.note()) look();
  }, [conversation]);

  const rows = rowsOf(ids, (id) => loaded.messages.get(id)?.peek(), unreadFrom);
  const stop = focused !== null && loaded.messages.has(focused) ? focused : ids.at(-1);
  const pressed = (/** @type {KeyboardEvent} */ event) => moveFocus(event, /** @type {HTMLElement} */ (box.current), toEnd);
  return html`
    <div class="messages" ref=${box} onScroll=${scrolled} onKeyDown=${pressed} onPointerMove=${pointed} tabindex="-1">
      <${Edge} loaded=${loaded} empty=${ids.length === 0} />
      <ol class="message-rows" aria-label=${t("chat.messages")}>
        ${rows.map((row) => {
          if (row.kind === "day") return html`<li key=${row.key} class="day"><span>${day(row.at)}</span></li>`;
          if (row.kind === "unread") return html`<li key=${row.key} class="unread-line"><span>${t("chat.unread-line")}</span></li>`;
          return html`<${Message} key=${row.key} conversation=${conversation} id=${row.id} first=${row.first} last=${row.last}
            focusable=${row.id === stop} group=${isGroup(conversation)} onFocus=${setFocused} onJump=${jump} />`;
        })}
      </ol>
    </div>
    <${ToEnd} conversation=${conversation} away=${away} onClick=${toEnd} />`;
}

/** @param {string} conversation */
function isGroup(conversation) {
  return conversations.get(conversation)?.peek().kind === "group";
}

/**
 * What stands before the first message that is loaded. It is one element whatever it says, so that its size is followed.
 * @param {{loaded: import("../core/store/windows.js").Window, empty: boolean}} props
 */
function Edge({ loaded, empty }) {
  const error = loaded.error.value;
  const beginning = error === null && loaded.loaded.value && !empty && loaded.atStart.value;
  return html`<div class=${beginning ? "edge fine" : "edge"}>
    ${error !== null
      ? html`<${Notice} kind="warn">${errorText(error)}<//>`
      : !loaded.loaded.value
        ? html`<${Spinner} label=${t("common.loading")} />`
        : empty
          ? html`<${Empty} icon="chat" title=${t("chat.no-messages")} text=${t("chat.no-messages-hint")} />`
          : beginning
            ? t("chat.beginning")
            : null}
  </div>`;
}

/** @param {{conversation: string, away: import("../vendor.js").Signal<boolean>, onClick: () => void}} props */
function ToEnd({ conversation, away, onClick }) {
  if (!away.value) return null;
  const unread = conversations.get(conversation)?.value.unread ?? 0;
  return html`<div class="to-end">
    <${IconButton} icon="to-end" label=${unread > 0 ? t("chat.to-end-unread", { count: unread }) : t("chat.to-end")} onClick=${onClick}>
      <${Badge} count=${unread} />
    <//>
  </div>`;
}

/** Wait until what was decided is drawn. */
function drawn() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/** @param {HTMLElement | null | undefined} row */
function mark(row) {
  if (row === null || row === undefined) return;
  row.classList.add("marked");
  setTimeout(() => row.classList.remove("marked"), MARKED);
  /** @type {HTMLElement | null} */ (row.querySelector(".message-row"))?.focus({ preventScroll: true });
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} box
 * @param {() => void} toEnd
 */
function moveFocus(event, box, toEnd) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.defaultPrevented || !target.classList.contains("message-row")) return;
  const rows = /** @type {HTMLElement[]} */ ([...box.querySelectorAll(".message-row")]);
  const now = rows.indexOf(target);
  const step = isKey(event, "ArrowUp") ? -1 : isKey(event, "ArrowDown") ? 1 : isKey(event, "End") ? rows.length : 0;
  if (step === 0) return;
  event.preventDefault();
  if (step > 1) toEnd();
  const next = rows[Math.max(0, Math.min(rows.length - 1, now + step))];
  if (now === rows.length - 1 && step === 1) /** @type {HTMLElement | null} */ (document.getElementById("composer"))?.focus();
  else next?.focus();
}
