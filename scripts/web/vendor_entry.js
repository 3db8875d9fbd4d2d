// What the page takes from others. `web_vendor.py` makes vendor.js of it.
import { h } from "preact";
import htm from "htm";

export { render } from "preact";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, untracked, useSignal } from "@preact/signals";

export const html = htm.bind(h);
