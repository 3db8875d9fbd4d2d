/**
 * Where the list of messages stands. While somebody reads back, what comes or goes above or below moves nothing: the
 * topmost message in sight stays where it is. At the end the list follows what comes.
 */

/** Pixels from the end within which the list counts as being there. */
const NEAR = 48;

/** @typedef {{id: string, top: number}} Anchor a message, and how far below the upper edge its own edge is */

export class ScrollKeeper {
  /** @param {HTMLElement} box what scrolls */
  constructor(box) {
    this.box = box;
    this.following = true;
    /** @type {Anchor | null} */
    this.anchor = null;
    /** Where the end was when the view was moved there. */
    this._end = -1;
  }

  /** Remember what is in sight, as after a person has scrolled; return whether it is something else than before. */
  note() {
    const { scrollTop, scrollHeight, clientHeight } = this.box;
    if (this.following && scrollTop === this._end) return false;
    this.following = scrollHeight - scrollTop - clientHeight < NEAR;
    this.anchor = this.following ? null : this._topmost();
    return true;
  }

  /** Put back what was in sight, as after the content has changed. */
  keep() {
    if (this.following) {
      this.toEnd();
      return;
    }
    const element = this.anchor === null ? null : this.row(this.anchor.id);
    if (element === null) {
      this.anchor = this._topmost();
      return;
    }
    const moved = element.offsetTop - this.box.scrollTop - /** @type {Anchor} */ (this.anchor).top;
    if (moved !== 0) this.box.scrollTop += moved;
  }

  /**
   * Bring a message into sight, a third from the top, or to the place that it had.
   * @param {string} id
   * @param {number} [top]
   */
  show(id, top = Math.round(this.box.clientHeight / 3)) {
    const element = this.row(id);
    if (element === null) return;
    this.following = false;
    this.box.scrollTop = element.offsetTop - top;
    this.note();
  }

  toEnd() {
    this.following = true;
    this.box.scrollTop = this.box.scrollHeight;
    this._end = this.box.scrollTop;
  }

  /** Return the last message of which something is in sight. */
  lastInSight() {
    const bottom = this.box.scrollTop + this.box.clientHeight;
    const rows = this._rows();
    const after = firstIndex(rows, (row) => row.offsetTop >= bottom);
    return rows[after - 1]?.dataset.id ?? null;
  }

  /**
   * @param {string} id
   * @returns {HTMLElement | null}
   */
  row(id) {
    return this.box.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  /** @returns {HTMLElement[]} */
  _rows() {
    return [...this.box.querySelectorAll(/** @type {"li"} */ ("li[data-id]"))];
  }

  /** @returns {Anchor | null} */
  _topmost() {
    const top = this.box.scrollTop;
    const rows = this._rows();
    const row = rows[firstIndex(rows, (each) => each.offsetTop + each.offsetHeight > top)];
    return row === undefined ? null : { id: row.dataset.id ?? "", top: row.offsetTop - top };
  }
}

/**
 * Return the index of the first of some sorted things for which something holds; their number where it holds for none.
 * @template T
 * @param {T[]} list
 * @param {(each: T) => boolean} holds
 */
function firstIndex(list, holds) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(/** @type {T} */ (list[middle]))) high = middle;
    else low = middle + 1;
  }
  return low;
}
