/**
 * What is true of the connection, in one line: the first thing that stands in the way, in the order of its making.
 *
 * Never better than it is: "online" only where the network, our address and every relay are.
 */

/**
 * @typedef {"good" | "warn" | "bad" | "idle"} Kind
 * @typedef {{ kind: Kind, text: string, percent: number | null }} Summary `text` is the key of a text
 */

/** @param {App.ServiceState[]} states */
function worst(states) {
  const order = ["stopped", "starting", "degraded", "online"];
  return [...states].sort((one, other) => order.indexOf(one.phase) - order.indexOf(other.phase))[0] ?? null;
}

/**
 * Return the state of one step: null where it is done.
 *
 * @param {string} name
 * @param {App.ServiceState | null} state
 * @returns {Summary | null}
 */
function step(name, state) {
  if (!state || state.phase === "online") return null;
  if (state.phase === "starting") return { kind: "warn", text: `network.${name}-starting`, percent: state.percent };
  const kind = state.phase === "degraded" ? "warn" : "bad";
  return { kind, text: `network.${name}-${state.phase}`, percent: null };
}

/**
 * Return the connection in one line.
 *
 * @param {string} connection of this page with the server
 * @param {App.ServiceStatus | null} status of the account
 * @returns {Summary}
 */
export function summaryOf(connection, status) {
  if (connection !== "open") return { kind: "bad", text: "network.page-cut-off", percent: null };
  if (!status) return { kind: "idle", text: "network.asking", percent: null };
  if (status.storage.phase !== "online") return { kind: "bad", text: "network.disk-full", percent: null };
  const network = step("tor", worst(Object.values(status.network)));
  if (network) return network;
  const direct = status.works_as === "relay-only" ? null : step("address", status.device_onion);
  if (direct) return direct;
  const ways = step("way", worst(Object.values(status.transports)));
  if (ways) return ways;
  if (status.outbox.waiting > 0) return { kind: "good", text: "network.online-waiting", percent: null };
  return { kind: "good", text: "network.online", percent: null };
}
