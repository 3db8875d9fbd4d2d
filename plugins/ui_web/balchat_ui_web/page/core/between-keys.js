/**
 * When to draw what comes, so that it delays nobody who types: right after the frame of a key, when the next key is
 * furthest away, or once no key came for a while.
 */

/** Milliseconds after a key in which the next one is expected. */
const TYPING = 300;

/** @type {{work: () => void, from: number} | null} */
let next = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** When a key was pressed last, by the page's clock. */
let pressed = -TYPING;

/**
 * Call `work` between two keys, once it is `from` by the page's clock. One work waits at a time.
 * @param {() => void} work
 * @param {number} from
 */
export function betweenKeys(work, from) {
  next = { work, from };
  wait(from);
}

/** Follow the keys of this window. */
export function followKeys() {
  addEventListener("keydown", keyPressed, { capture: true, passive: true });
}

/** @param {KeyboardEvent} event */
function keyPressed(event) {
  // Enter ends what is typed: who has sent something waits for what becomes of it.
  if (event.key === "Enter" || !(/** @type {Element} */ (event.target).matches("textarea, input"))) return;
  pressed = performance.now();
  if (next !== null) wait(next.from);
  // A task that follows a frame begins after what the frame shows is on its way to the screen.
  requestAnimationFrame(() => setTimeout(() => {
    if (next !== null && performance.now() >= next.from) run();
  }));
}

/** @param {number} from */
function wait(from) {
  clearTimeout(timer);
  timer = setTimeout(run, Math.max(0, Math.max(from, pressed + TYPING) - performance.now()));
}

function run() {
  clearTimeout(timer);
  const work = next?.work;
  next = null;
  work?.();
}
