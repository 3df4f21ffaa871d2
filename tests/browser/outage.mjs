// Plays a page of a node that goes away and comes back, and prints what was seen as one line of JSON per step.
//
//   node outage.mjs --page URL --shots PREFIX --until offline|told [--at SECONDS] [--from-start] [--ahead SECONDS]
//
// Steps: "playing", then the node is killed; "away", then it is started again; "back". After each of the first two it waits
// for a line on its standard input. "away" comes once the player stands still (offline) or once it says that the node is
// away, while what is loaded plays on (told). --ahead keeps little loaded, as when a lecture is longer than what fits.
//
// It judges nothing: the Rust test that runs it does.
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { PHONE, look, open, playing, start } from "./chromium.mjs";

const { values: order } = parseArgs({
    options: {
        page: { type: "string" },
        shots: { type: "string" },
        until: { type: "string" },
        at: { type: "string" },
        "from-start": { type: "boolean", default: false },
        ahead: { type: "string" },
    },
});

/** A node needs this long to start on a busy machine, milliseconds. */
const PATIENCE_MS = 60_000;

const go = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { page, close } = await start({ viewport: PHONE });
const tell = async (step) => {
    await page.screenshot({ path: `${order.shots}-${step}.png` });
    console.log(JSON.stringify({ step, ...(await look(page)) }));
};
let code = 0;
try {
    await open(page, order.page);
    await page.click("#start");
    if (order.ahead) {
        await page.waitForFunction(() => window.lectern.hls !== null, undefined, { timeout: 10_000 });
        await page.evaluate((seconds) => Object.assign(window.lectern.hls.config, { maxBufferLength: seconds, maxBufferSize: 0 }), Number(order.ahead));
    }
    await playing(page);
    if (order["from-start"]) await page.click("#restart");
    if (order.at) await page.evaluate((at) => (document.querySelector("#media").currentTime = at), Number(order.at));
    await page.waitForTimeout(4000);
    await playing(page);
    await tell("playing");
    await go.next();
    await page.waitForFunction(
        (until) => {
            if (until === "told") return !document.querySelector("#problem").hidden;
            const stood = window.stoodAt;
            const stands = document.querySelector("#player").dataset.state === "offline";
            window.stoodAt = stands ? document.querySelector("#media").currentTime : null;
            return stands && stood === window.stoodAt;
        },
        order.until,
        { timeout: PATIENCE_MS, polling: 1000 },
    );
    await tell("away");
    await go.next();
    await page.waitForFunction(
        () => document.querySelector("#player").dataset.state === "playing" && document.querySelector("#problem").hidden,
        undefined,
        { timeout: PATIENCE_MS },
    );
    // The half-second clock of the page has shown the state by then.
    await page.waitForTimeout(2000);
    await tell("back");
} catch (error) {
    console.log(JSON.stringify({ step: "failed", error: String(error), ...(await look(page).catch(() => ({}))) }));
    code = 1;
} finally {
    await close();
}
process.exit(code);
