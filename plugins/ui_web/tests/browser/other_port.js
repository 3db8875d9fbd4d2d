// A page of another program of this machine, on a port of its own, which tries everything on a balchat whose origin stands in its URL's fragment.
// The result of each try is in `window.told`; `window.done` is true at the end.
const target = decodeURIComponent(location.hash.slice(1));
const told = {};

/** @param {string} name @param {() => Promise<unknown>} attack */
async function tried(name, attack) {
  const late = new Promise((resolve) => setTimeout(resolve, 5000, "nothing"));
  told[name] = await Promise.race([Promise.resolve().then(attack).catch((error) => error.name), late]);
}

/** @param {HTMLElement} element */
function loaded(element) {
  return new Promise((resolve) => {
    element.addEventListener("load", () => resolve("load"));
    element.addEventListener("error", () => resolve("error"));
    document.body.append(element);
  });
}

/** @param {string} tag @param {Record<string, string>} attributes */
function make(tag, attributes) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const status = async (path, init) => (await fetch(target + path, init)).status;
const json = { "Content-Type": "application/json", Authorization: "Bearer x" };

await tried("read the shell", () => status("/"));
await tried("read as if nothing", async () => (await fetch(target + "/", { mode: "no-cors" })).type);
await tried("sign in", () => status("/session", { method: "POST", headers: json, body: '{"token":"x"}' }));
await tried("lock", () => status("/lock", { method: "POST", headers: json }));
await tried("post plainly", async () => {
  await fetch(target + "/lock", { method: "POST", mode: "no-cors", body: "x" });
  navigator.sendBeacon(target + "/lock", "x");
  return "sent";
});
await tried("picture", () => loaded(make("img", { src: target + "/pictures/00" })));
await tried("script", () => loaded(make("script", { src: target + "/assets/x/vendor.js" })));
await tried("style", () => loaded(make("link", { rel: "stylesheet", href: target + "/assets/x/all.css" })));
await tried("socket", () => new Promise((resolve) => {
  const socket = new WebSocket(target.replace("http", "ws") + "/ws");
  socket.onopen = () => resolve("open");
  socket.onerror = () => resolve("error");
}));
await tried("form", async () => {
  const frame = make("iframe", { name: "sink" });
  const form = make("form", { action: target + "/lock", method: "post", target: "sink", enctype: "text/plain" });
  form.append(make("input", { name: '{"token":"', value: '"}' }));
  document.body.append(frame, form);
  const answered = new Promise((resolve) => frame.addEventListener("load", () => resolve("answered")));
  form.submit();
  return answered;
});
await tried("frame", async () => {
  const frame = make("iframe", { src: target + "/" });
  await Promise.race([loaded(frame), new Promise((resolve) => setTimeout(resolve, 1000))]);
  return frame.contentWindow.length + (frame.contentDocument === null ? " closed" : " open");
});
Object.assign(window, { told, done: true });
