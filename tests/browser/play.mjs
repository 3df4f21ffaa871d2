// Plays one page of the node as an attendee would and prints what was seen as one line of JSON.
//
//   node play.mjs --page URL --shot FILE.png --seconds 12 [--listen first|remembered|later] [--at SECONDS] [--cut] [--phone]
//
// --listen chooses sound alone: before Play; before Play on an earlier visit; or while it plays.
// --at drags the position there once it plays.
// --cut takes the device off the network for a while.
// It judges nothing: the Rust test that runs it does. It speaks to the page's own address and to nothing else.
import { parseArgs } from "node:util";
import { DESK, PHONE, look, open, playing, start } from "./chromium.mjs";

const { values: order } = parseArgs({
    options: {
        page: { type: "string" },
        shot: { type: "string" },
        seconds: { type: "string", default: "10" },
        listen: { type: "string", default: "" },
        at: { type: "string" },
        cut: { type: "boolean", default: false },
        phone: { type: "boolean", default: false },
    },
});

const { page, close } = await start({ viewport: order.phone ? PHONE : DESK });
const seen = { console: [], failed: [], statuses: {}, foreign: [], media: [] };
try {
    const home = new URL(order.page).origin;
    page.on("console", (line) => ["error", "warning"].includes(line.type()) && seen.console.push(line.text()));
    page.on("pageerror", (error) => seen.console.push(String(error)));
    page.on("request", (request) => {
        const url = request.url();
        if (/^https?:/.test(url) && !url.startsWith(`${home}/`)) seen.foreign.push(url);
        const path = new URL(url).pathname;
        if (path.startsWith("/hls/")) seen.media.push(path);
    });
    page.on("response", (response) => {
        const status = response.status();
        seen.statuses[status] = (seen.statuses[status] ?? 0) + 1;
        if (status >= 400) seen.failed.push(`${status} ${response.url()}`);
    });
    const listen = async () => {
        await page.click("#listen");
        await page.waitForFunction(() => document.querySelector("#player").dataset.mode === "audio", undefined, { timeout: 5_000 });
    };
    await open(page, order.page);
    seen.title = await page.title();
    if (order.listen === "first" || order.listen === "remembered") await listen();
    if (order.listen === "remembered") await open(page, order.page);
    seen.chosen = await page.getAttribute("#listen", "aria-pressed");
    await page.click("#start");
    await playing(page);
    seen.focus = await page.evaluate(() => document.activeElement.id);
    if (order.listen === "later") {
        await listen();
        await playing(page);
    }
    if (order.at) {
        await page.evaluate((at) => (document.querySelector("#media").currentTime = at), Number(order.at));
        await page.waitForFunction((at) => document.querySelector("#media").currentTime > at + 0.5, Number(order.at), { timeout: 20_000 });
        await playing(page);
    }
    if (order.cut) {
        await page.context().setOffline(true);
        await page.waitForFunction(() => document.querySelector("#player").dataset.state === "offline", undefined, { timeout: 30_000 });
        seen.cut = await look(page);
        await page.context().setOffline(false);
        await playing(page);
    }
    seen.first = await look(page);
    await page.waitForTimeout(Number(order.seconds) * 1000);
    seen.last = await look(page);
    if (order.shot) await page.screenshot({ path: order.shot });
} catch (error) {
    seen.error = String(error);
    if (order.shot) await page.screenshot({ path: order.shot }).catch(() => undefined);
} finally {
    await close();
}
console.log(JSON.stringify(seen));
process.exit(seen.error ? 1 : 0);
