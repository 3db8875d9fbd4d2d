// Opens URLs in one Firefox, runs a script in each of them, and prints what they give as JSON: its standard input is a list of [script, URL].
// node firefox.mjs EXECUTABLE
import { readFileSync } from "node:fs";
import puppeteer from "../../../../scripts/web/node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js";

const executablePath = process.argv[2];
const tries = JSON.parse(readFileSync(0, "utf8"));
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
const told = [];
try {
  for (const [script, url] of tries) {
    const page = await browser.newPage();
    await page.goto(url, { waitUntil: "load", timeout: 30_000 });
    told.push(await page.evaluate(`(${script})()`));
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(told));
