/** What a button does while the account is asked: busy until the answer, and what went wrong in the person's words. */

import { useSignal } from "../vendor.js";
import { errorText } from "../core/texts.js";

/**
 * Return a `run` for one thing at a time, whether it `busy`s now, and the `fault` of the last one.
 *
 * @returns {{ busy: boolean, fault: string | null, code: string | null,
 *   run: <T>(work: () => Promise<T>) => Promise<T | undefined>, forget: () => void }}
 *   `run` returns undefined where the work failed or another one is under way.
 */
export function useDoing() {
  const busy = useSignal(false);
  const fault = useSignal(/** @type {string | null} */ (null));
  const code = useSignal(/** @type {string | null} */ (null));
  const forget = () => {
    fault.value = null;
    code.value = null;
  };
  const run = async (/** @type {() => Promise<any>} */ work) => {
    if (busy.value) return undefined;
    busy.value = true;
    forget();
    try {
      return await work();
    } catch (error) {
      fault.value = errorText(error);
      code.value = String(/** @type {{ code?: string }} */ (error).code ?? "internal");
      return undefined;
    } finally {
      busy.value = false;
    }
  };
  return { busy: busy.value, fault: fault.value, code: code.value, run, forget };
}
