// Drives Chromium for tests that are written in Python: opens pages, calls their methods, and notes what they complain
// about and what they ask for.
// node driver.mjs FOLDER CHROMIUM LIMIT: where packages are installed, the browser, milliseconds that a call may take

import { createRequire } from "node:module";
import { serve_lines } from "./lines.mjs";

const [folder, executablePath, limit] = process.argv.slice(2);
const { chromium } = createRequire(folder + "/")("playwright-core");

const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
const pages = [];

/** Not every violation of a page's policy is said on its console. */
function say_violations() {
  addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy violated: ${event.effectiveDirective} ${event.blockedURI}`));
}

async function watch(page) {
  const seen = { page, complaints: [], requests: [] };
  page.setDefaultTimeout(Number(limit));
  page.on("pageerror", (error) => seen.complaints.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (["error", "warning", "assert"].includes(message.type())) seen.complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("websocket", (socket) => seen.requests.push(socket.url()));
  page.on("dialog", (dialog) => dialog.accept());
  return pages.push(seen) - 1;
}

/** What can be told as JSON; handles of elements cannot, and nobody asks for them. */
function plain(value) {
  return value === null || typeof value !== "object" || Array.isArray(value) || value.constructor === Object ? value : null;
}

await serve_lines({
  version: () => browser.version(),
  /** A page in a profile of its own. */
  async open(options) {
    const context = await browser.newContext({ locale: "en-GB", ...options });
    await context.addInitScript(say_violations);
    return watch(await context.newPage());
  },
  /** One more tab beside this page. */
  async open_beside(number) {
    return watch(await pages[number].page.context().newPage());
  },
  permit: (number, permissions) => pages[number].page.context().grantPermissions(permissions),
  page: async (number, method, ...values) => plain(await pages[number].page[method](...values)),
  mouse: (number, method, ...values) => pages[number].page.mouse[method](...values),
  keyboard: (number, method, ...values) => pages[number].page.keyboard[method](...values),
  texts: (number, selector) => pages[number].page.$$eval(selector, (found) => found.map((each) => each.textContent)),
  complaints: (number) => pages[number].complaints.splice(0),
  requests: (number) => pages[number].requests,
  close: (number) => pages[number].page.context().close(),
});
await browser.close();
