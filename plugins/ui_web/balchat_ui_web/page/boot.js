/** Lets the browser paint the shell before it works on the page itself. Nothing is painted in a tab that is hidden. */

const begin = () => import("./main.js");
if (document.hidden) void begin();
else requestAnimationFrame(() => setTimeout(begin));
