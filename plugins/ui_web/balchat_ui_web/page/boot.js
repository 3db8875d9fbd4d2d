/**
 * Lets the browser paint the shell, which needs nothing but itself, before it loads and runs the page.
 *
 * Nothing is painted in a tab that is hidden, so nothing waits for that there.
 */

function begin() {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = new URL("all.css", import.meta.url).href;
  // A page without its style can still be read.
  const styled = new Promise((resolve) => (sheet.onload = sheet.onerror = resolve));
  document.head.append(sheet);
  void import("./main.js").then((page) => page.start(styled));
}

if (document.hidden) begin();
else requestAnimationFrame(() => setTimeout(begin));
