/** What became of a message that waited for its files when the page was loaded again. Its text is still the draft. */

import { effect } from "../vendor.js";
import { call } from "../core/calls.js";
import { conversations, loaded } from "../core/store.js";
import { t } from "../core/texts.js";
import { interrupted } from "../core/underway.js";
import { setError, SETTLED } from "./sending.js";

/** Look once the account is here. Call it once, when there are words to tell it by. */
export function tellInterrupted() {
  const end = effect(() => {
    if (!loaded.value) return;
    for (const each of interrupted.splice(0)) void look(each);
  });
  if (interrupted.length === 0) end();
}

/** @param {import("../core/underway.js").Underway} sent */
async function look({ conversation, files }) {
  const unwritten = await Promise.all(files.map(isUnwritten));
  if (unwritten.some(Boolean)) {
    // Nobody has the rest of them. Without them the server sends nothing.
    await Promise.all(files.map((file) => call("files.remove", { file }).catch(() => undefined)));
  } else {
    await new Promise((done) => setTimeout(done, SETTLED));
    if ((conversations.get(conversation)?.peek().draft ?? "") === "") return;
  }
  setError(conversation, `${t("chat.not-sent")} ${t("chat.interrupted")}`);
}

/** @param {string} file */
function isUnwritten(file) {
  return call("files.get", { file }).then(
    (view) => view.state === "writing",
    () => true,
  );
}
