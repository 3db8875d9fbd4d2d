// Opens each of the given URLs in one Firefox, runs the script that stands in its arguments in it, and prints what that gives as JSON.
// node firefox.mjs EXECUTABLE SCRIPT URL…
import puppeteer from "../../../../scripts/web/node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js";

const [executablePath, script, ...urls] = process.argv.slice(2);
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
const told = [];
try {
  for (const url of urls) {
    const page = await browser.newPage();
    await page.goto(url, { waitUntil: "load", timeout: 30_000 });
    told.push(await page.evaluate(`(${script})()`));
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(told));
