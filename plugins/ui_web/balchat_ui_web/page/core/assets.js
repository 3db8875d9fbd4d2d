/** Where the page's other files are: beside the script that the shell names. */

const first = /** @type {HTMLScriptElement} */ (document.querySelector("script"));

/** Return the address of a file of the page. @param {string} path */
export const asset = (path) => new URL(path, first.src);
