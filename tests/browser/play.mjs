// Plays one page of the node as an attendee would and prints what was seen as one line of JSON.
//
//   node play.mjs --page URL --shot FILE.png --seconds 12 [--listen first|remembered|later] [--phone]
//
// --listen chooses sound alone: before Play; before Play on an earlier visit; or while it plays.
// It judges nothing: the Rust test that runs it does. It speaks to the page's own address and to nothing else.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: order } = parseArgs({
    options: {
        page: { type: "string" },
        shot: { type: "string" },
        seconds: { type: "string", default: "10" },
        listen: { type: "string", default: "" },
        phone: { type: "boolean", default: false },
    },
});

const profile = mkdtempSync(join(tmpdir(), "lectern-browser-"));
const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.LECTERN_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    // A phone is narrow; a desk is wide.
    viewport: order.phone ? { width: 390, height: 844 } : { width: 1280, height: 800 },
    args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
        "--mute-audio",
    ],
});

const seen = { console: [], failed: [], statuses: {}, foreign: [], media: [] };
try {
    const page = browser.pages()[0] ?? (await browser.newPage());
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
    const open = async () => {
        await page.goto(order.page, { waitUntil: "load", timeout: 20_000 });
        await page.waitForFunction(() => window.lectern !== undefined, undefined, { timeout: 10_000 });
    };
    const listen = async () => {
        await page.click("#listen");
        await page.waitForFunction(() => document.querySelector("#player").dataset.mode === "audio", undefined, { timeout: 5_000 });
    };
    await open();
    seen.title = await page.title();
    const playing = () =>
        page.waitForFunction(
            () => document.querySelector("#media").currentTime > 0 && document.querySelector("#player").dataset.state === "playing",
            undefined,
            { timeout: 30_000 },
        );
    if (order.listen === "first" || order.listen === "remembered") await listen();
    if (order.listen === "remembered") await open();
    seen.chosen = await page.getAttribute("#listen", "aria-pressed");
    await page.click("#start");
    await playing();
    if (order.listen === "later") {
        await listen();
        await playing();
    }
    const look = () =>
        page.evaluate(() => {
            const media = document.querySelector("#media");
            const quality = media.getVideoPlaybackQuality?.();
            const hls = window.lectern.hls;
            return {
                position_s: media.currentTime,
                duration_s: Number.isFinite(media.duration) ? media.duration : null,
                frames: quality?.totalVideoFrames ?? 0,
                dropped: quality?.droppedVideoFrames ?? 0,
                bytes_decoded: { audio: media.webkitAudioDecodedByteCount ?? 0, video: media.webkitVideoDecodedByteCount ?? 0 },
                latency_s: hls?.latency ?? null,
                target_latency_s: hls?.targetLatency ?? null,
                levels: hls?.levels?.length ?? 0,
                audio_tracks: hls?.audioTracks?.length ?? 0,
                live: window.lectern.isLive,
                state: document.querySelector("#player").dataset.state,
                last_error: window.lectern.lastError,
                rebuilds: window.lectern.rebuilds,
                media_error: media.error?.message ?? null,
                width: media.videoWidth,
            };
        });
    seen.first = await look();
    await page.waitForTimeout(Number(order.seconds) * 1000);
    seen.last = await look();
    if (order.shot) await page.screenshot({ path: order.shot });
} catch (error) {
    seen.error = String(error);
    if (order.shot) await browser.pages()[0]?.screenshot({ path: order.shot }).catch(() => undefined);
} finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
}
console.log(JSON.stringify(seen));
process.exit(seen.error ? 1 : 0);
