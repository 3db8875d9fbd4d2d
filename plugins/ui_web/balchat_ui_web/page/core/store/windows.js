/**
 * The part of each conversation that is loaded: a window of some hundred messages that moves over any number of them.
 *
 * A window at the end takes what comes; one that was moved back does not, so that what a person reads stays in place.
 * Loading at one side drops what is too much at the other.
 */

import { batch, signal } from "../../vendor.js";
import { call } from "../connection.js";

/** @template T @typedef {import("../../vendor.js").Signal<T>} Signal */

/** Messages that are asked for at a time. */
export const PAGE = 50;
/** Messages that a window holds, and how many more may gather at its end: dropping some moves all that is drawn. */
export const MOST = 200;
const MORE = 50;
/** Conversations whose windows are kept: opening one of them again takes no call. */
const MOST_WINDOWS = 8;

export class Window {
  /** @param {string} conversation */
  constructor(conversation) {
    this.conversation = conversation;
    /** @type {Signal<string[]>} What is loaded, oldest first. */
    this.ids = signal([]);
    /** @type {Map<string, Signal<App.MessageView>>} */
    this.messages = new Map();
    /** Whether the first message of the conversation is among them, and whether the last one is. */
    this.atStart = signal(false);
    this.atEnd = signal(false);
    this.loaded = signal(false);
    /** @type {Signal<Error | null>} Why loading failed last. */
    this.error = signal(null);
    this._generation = 0;
    this._busy = { before: false, after: false };
  }

  /** Show the newest messages. */
  openEnd() {
    return this._open({}, () => true);
  }

  /**
   * Show the messages around one. Throw CallError where it is not there.
   * @param {string} id
   */
  openAround(id) {
    return this._open({ around: id }, () => false);
  }

  /**
   * Show the messages around a moment; return the id of the first one of then or later, null at the end.
   * @param {number} date Unix milliseconds
   */
  async openDate(date) {
    const list = await this._open({ date }, () => false);
    return list.find((each) => each.sent_at >= date)?.id ?? null;
  }

  /**
   * @param {object} where
   * @param {(list: App.MessageView[]) => boolean} isEnd
   */
  async _open(where, isEnd) {
    const generation = ++this._generation;
    this._busy = { before: false, after: false };
    try {
      const list = await call("messages.history", { conversation: this.conversation, limit: PAGE, ...where });
      if (generation !== this._generation) return list;
      batch(() => {
        this.messages.clear();
        for (const each of list) this.messages.set(each.id, signal(each));
        this.ids.value = list.map((each) => each.id);
        this.atEnd.value = isEnd(list);
        this.atStart.value = isEnd(list) && list.length < PAGE;
        this.error.value = null;
        this.loaded.value = true;
      });
      return list;
    } catch (error) {
      if (generation === this._generation) this.error.value = /** @type {Error} */ (error);
      throw error;
    }
  }

  /** Load what is before. */
  async loadBefore() {
    if (this.atStart.peek()) return;
    await this._load("before", (list, known) => {
      this.ids.value = [...list.map((each) => each.id), ...known];
      if (list.length < PAGE) this.atStart.value = true;
      this._trim("end");
    });
  }

  /** Load what is after. */
  async loadAfter() {
    if (this.atEnd.peek()) return;
    await this._load("after", (list, known) => {
      this.ids.value = [...known, ...list.map((each) => each.id)];
      if (list.length < PAGE) this.atEnd.value = true;
      this._trim("start");
    });
  }

  /**
   * @param {"before" | "after"} side
   * @param {(list: App.MessageView[], known: string[]) => void} take
   */
  async _load(side, take) {
    const edge = this.ids.peek().at(side === "before" ? 0 : -1);
    if (this._busy[side] || edge === undefined) return;
    const [generation, busy] = [this._generation, this._busy];
    busy[side] = true;
    try {
      const list = await call("messages.history", { conversation: this.conversation, limit: PAGE, [side]: edge });
      if (generation !== this._generation) return;
      batch(() => {
        const fresh = list.filter((each) => !this.messages.has(each.id));
        for (const each of fresh) this.messages.set(each.id, signal(each));
        take(fresh, this.ids.peek());
        this.error.value = null;
      });
    } catch (error) {
      if (generation === this._generation) this.error.value = /** @type {Error} */ (error);
    } finally {
      busy[side] = false;
    }
  }

  /** @param {App.MessageView} message */
  added(message) {
    if (this.messages.has(message.id)) {
      this.changed(message);
    } else if (this.loaded.peek() && this.atEnd.peek()) {
      this.messages.set(message.id, signal(message));
      this.ids.value = [...this.ids.peek(), message.id];
      if (this.following && this.ids.peek().length > MOST + MORE) this._trim("start");
    }
  }

  /** Whether the view is at the end: then what is too much at the start may go while messages come. */
  following = true;

  /** @param {App.MessageView} message */
  changed(message) {
    const known = this.messages.get(message.id);
    if (known !== undefined) known.value = message;
  }

  /** @param {string} id */
  removed(id) {
    if (this.messages.delete(id)) this.ids.value = this.ids.peek().filter((each) => each !== id);
  }

  /** @param {"start" | "end"} side */
  _trim(side) {
    const ids = this.ids.peek();
    const over = ids.length - MOST;
    if (over <= 0) return;
    for (const each of side === "start" ? ids.slice(0, over) : ids.slice(MOST)) this.messages.delete(each);
    this.ids.value = side === "start" ? ids.slice(over) : ids.slice(0, MOST);
    if (side === "start") this.atStart.value = false;
    else this.atEnd.value = false;
  }
}

/** @type {Map<string, Window>} */
const windows = new Map();

/**
 * Return a conversation's window; it may have nothing loaded yet.
 * @param {string} conversation
 */
export function windowOf(conversation) {
  let found = windows.get(conversation);
  windows.delete(conversation);
  found ??= new Window(conversation);
  windows.set(conversation, found);
  if (windows.size > MOST_WINDOWS) windows.delete(/** @type {string} */ (windows.keys().next().value));
  return found;
}

/**
 * Return a conversation's window where there is one.
 * @param {string} conversation
 */
export function knownWindow(conversation) {
  return windows.get(conversation);
}

/** Return every window. */
export function allWindows() {
  return windows.values();
}

/** Forget all windows. */
export function wipeWindows() {
  windows.clear();
}
