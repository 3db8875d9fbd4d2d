/**
 * The connection to the server: made once, made again whenever it is lost, and honest about it.
 *
 * After sleep a socket may look alive and not be. So whenever the clock has jumped, the tab is shown again or the
 * machine is online again, the server is asked, and the socket is cut where it does not answer in time.
 */

import { signal } from "../vendor.js";
import { lost } from "./errors.js";
import { bearer, forgetSession, keepOnlyBearer } from "./session.js";
import { Wire } from "./wire.js";

/** @typedef {"connecting" | "open" | "reconnecting" | "signed-out" | "locked"} Connection */

/** @type {import("../vendor.js").Signal<Connection>} */
export const connection = signal(bearer.value === null ? "signed-out" : "connecting");

/** The codes with which the server closes a socket: a new link is needed, or the passphrase. */
const SIGNED_OUT = 4401;
const LOCKED = 4423;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5000;
/** How long an answer may take before the socket counts as dead. */
const PATIENCE = 5000;
const HEARTBEAT = 15_000;

/** @type {Wire | null} */
let wire = null;
let pause = FIRST_PAUSE;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
/** @type {((wire: Wire) => void)[]} */
const listeners = [];
let lastBeat = Date.now();

/**
 * Call `listener` with each new connection.
 * @param {(wire: Wire) => void} listener
 */
export function onConnected(listener) {
  listeners.push(listener);
}

/** Connect, and stay connected as long as there is a session. */
export function connect() {
  if (bearer.value === null) {
    connection.value = "signed-out";
    return;
  }
  clearTimeout(retry);
  const made = new Wire(bearer.value, { onOpen: () => opened(made), onClose: (code) => closed(made, code) });
  wire = made;
}

/** @param {Wire} made */
function opened(made) {
  pause = FIRST_PAUSE;
  connection.value = "open";
  for (const each of listeners) each(made);
}

/**
 * @param {Wire} which
 * @param {number} code
 */
function closed(which, code) {
  if (which !== wire) return;
  wire = null;
  if (code === SIGNED_OUT) {
    forgetSession();
    connection.value = "signed-out";
    return;
  }
  if (code === LOCKED) {
    connection.value = "locked";
    void keepOnlyBearer();
    return;
  }
  connection.value = connection.value === "connecting" ? "connecting" : "reconnecting";
  retry = setTimeout(connect, pause * (0.5 + Math.random() / 2));
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

/** Make sure that the connection is alive, now. */
function probe() {
  lastBeat = Date.now();
  if (connection.value === "signed-out" || connection.value === "locked") return;
  if (wire === null) {
    pause = FIRST_PAUSE;
    connect();
    return;
  }
  const asked = wire;
  const patience = setTimeout(() => asked.cut(), PATIENCE);
  asked.call("web.state").then(
    () => clearTimeout(patience),
    () => clearTimeout(patience),
  );
}

/**
 * Call a method of the account or of the server. Throw CallError.
 * @template {keyof App.Calls} Method
 * @param {Method} method
 * @param {App.Calls[Method]["takes"]} params
 * @returns {Promise<App.Calls[Method]["gives"]>}
 */
export function call(method, params) {
  return wire === null ? Promise.reject(lost()) : wire.call(method, params);
}

/**
 * Open a stream on the connection of the moment; return the function that ends it.
 * @template {keyof App.Streams} Method
 * @param {Method} method
 * @param {App.Streams[Method]["takes"]} params
 * @param {(value: App.Streams[Method]["gives"]) => void} onValue
 * @param {(error: Error | null) => void} [onEnd]
 */
export function stream(method, params, onValue, onEnd) {
  if (wire !== null) return wire.stream(method, params, onValue, onEnd);
  onEnd?.(lost());
  return () => undefined;
}

/** Look after the connection for as long as the page lives. */
export function watchOverConnection() {
  addEventListener("online", probe);
  addEventListener("pageshow", probe);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) probe();
  });
  setInterval(() => {
    const late = Date.now() - lastBeat;
    if (late >= HEARTBEAT || late < 0) probe();
  }, HEARTBEAT / 3);
}
