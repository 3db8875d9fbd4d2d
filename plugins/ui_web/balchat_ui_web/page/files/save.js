/** Saving a file where the browser keeps downloads: by a link that is good once. */

import { call } from "../core/calls.js";
import { errorText } from "../core/texts.js";
import { toast } from "../parts/toasts.js";

/** @param {App.FileView} file */
export async function save(file) {
  try {
    const { path } = await call("web.ticket", { file: file.id });
    const link = document.createElement("a");
    link.href = path;
    link.download = file.name;
    link.click();
  } catch (error) {
    toast(errorText(error));
  }
}
