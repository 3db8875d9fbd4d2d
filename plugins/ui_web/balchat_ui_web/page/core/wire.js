/**
 * One WebSocket: JSON-RPC frames to the server and back.
 *
 * Calls are answered once. Streams give values until they end; `credit` says how many more they may send, so a burst
 * waits in the account and not here. When the socket closes, calls fail with `connection-lost` and streams end.
 */

import { fromAnswer, lost } from "./errors.js";

/** Values that a stream may send before we have dealt with them. */
const CREDIT = 256;

/**
 * @typedef {{resolve: (value: any) => void, reject: (error: Error) => void}} Waiting
 * @typedef {{onValue: (value: any) => void, onEnd: (error: Error | null) => void, owed: number}} Open
 */

export class Wire {
  /**
   * @param {string} bearer
   * @param {{onOpen: () => void, onClose: (code: number) => void}} told
   */
  constructor(bearer, told) {
    this._waiting = new Map(/** @type {[number, Waiting][]} */ ([]));
    this._streams = new Map(/** @type {[number, Open][]} */ ([]));
    this._number = 0;
    this._closed = false;
    this._told = told;
    this._socket = new WebSocket(`ws://${location.host}/ws`);
    this._socket.onopen = () => {
      this._socket.send(JSON.stringify({ bearer }));
    };
    this._socket.onmessage = (event) => this._hear(JSON.parse(event.data));
    this._socket.onclose = (event) => this._end(event.code);
  }

  /**
   * Call a method; return its result. Throw CallError.
   * @param {string} method
   * @param {object} [params]
   * @returns {Promise<any>}
   */
  call(method, params = {}) {
    if (this._closed) return Promise.reject(lost());
    const id = ++this._number;
    return new Promise((resolve, reject) => {
      this._waiting.set(id, { resolve, reject });
      this._say({ jsonrpc: "2.0", id, method, params });
    });
  }

  /**
   * Open a stream; return the function that ends it. Its values are handed over one by one, in order.
   * @param {string} method
   * @param {object} params
   * @param {(value: any) => void} onValue
   * @param {(error: Error | null) => void} [onEnd]
   */
  stream(method, params, onValue, onEnd = () => undefined) {
    if (this._closed) {
      onEnd(lost());
      return () => undefined;
    }
    const id = ++this._number;
    this._streams.set(id, { onValue, onEnd, owed: 0 });
    this._say({ jsonrpc: "2.0", id, method, params: { ...params, credit: CREDIT } });
    return () => {
      if (this._streams.delete(id)) this._say({ jsonrpc: "2.0", method: "cancel", params: { stream: id } });
    };
  }

  /** Close it at once, as if it had been cut off. */
  cut() {
    this._socket.onclose = null;
    this._socket.close();
    this._end(1006);
  }

  /** @param {object} frame */
  _say(frame) {
    this._socket.send(JSON.stringify(frame));
  }

  /** @param {any} frame */
  _hear(frame) {
    if (frame.method === "value") {
      const open = this._streams.get(frame.params.stream);
      if (open === undefined) return;
      open.onValue(frame.params.value);
      if (++open.owed >= CREDIT / 2) {
        this._say({ jsonrpc: "2.0", method: "credit", params: { stream: frame.params.stream, values: open.owed } });
        open.owed = 0;
      }
      return;
    }
    if (frame.method === "ready") {
      this._told.onOpen();
      return;
    }
    const error = frame.error === undefined ? null : fromAnswer(frame.error);
    const waiting = this._waiting.get(frame.id);
    if (waiting !== undefined) {
      this._waiting.delete(frame.id);
      if (error === null) waiting.resolve(frame.result);
      else waiting.reject(error);
      return;
    }
    const open = this._streams.get(frame.id);
    this._streams.delete(frame.id);
    open?.onEnd(error);
  }

  /** @param {number} code */
  _end(code) {
    if (this._closed) return;
    this._closed = true;
    const [waiting, streams] = [[...this._waiting.values()], [...this._streams.values()]];
    this._waiting.clear();
    this._streams.clear();
    for (const each of waiting) each.reject(lost());
    for (const each of streams) each.onEnd(lost());
    this._told.onClose(code);
  }
}
