// Opens the start page without any script, as an old or careful browser does, and prints what it shows as JSON.
//
//   node list.mjs --page URL --shot FILE.png
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: order } = parseArgs({ options: { page: { type: "string" }, shot: { type: "string" } } });
const browser = await chromium.launch({
    executablePath: process.env.LECTERN_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const seen = {};
try {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
    const page = await context.newPage();
    const answer = await page.goto(order.page, { waitUntil: "load", timeout: 20_000 });
    seen.status = answer.status();
    seen.language = await page.locator("html").getAttribute("lang");
    seen.text = await page.locator("body").innerText();
    seen.links = await page.locator("a[href]").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    await page.screenshot({ path: order.shot, fullPage: true });
} catch (error) {
    seen.error = String(error);
} finally {
    await browser.close();
}
console.log(JSON.stringify(seen));
process.exit(seen.error ? 1 : 0);
