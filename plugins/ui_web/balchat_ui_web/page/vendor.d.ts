// The types of vendor.js, for the check in `make lint`.
import type { VNode } from "preact";

export { render } from "preact";
export type { ComponentChildren, RefObject, VNode } from "preact";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, untracked, useSignal } from "@preact/signals";
export type { ReadonlySignal, Signal } from "@preact/signals";

export function html(strings: TemplateStringsArray, ...values: unknown[]): VNode;
