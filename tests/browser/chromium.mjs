// The browser that the tests drive, and what they read from a player's page.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
// Its version 1.61 is the last that runs on the Node.js of Debian 12, 18.
import { chromium } from "playwright-core";

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 800 };

/** Starts Chromium with a profile of its own; `close` ends it and removes the profile. */
export async function start(options) {
    const profile = mkdtempSync(join(tmpdir(), "lectern-browser-"));
    const context = await chromium.launchPersistentContext(profile, {
        executablePath: process.env.LECTERN_CHROMIUM ?? "/usr/bin/chromium",
        headless: true,
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
        ...options,
    });
    const page = context.pages()[0] ?? (await context.newPage());
    const close = async () => {
        await context.close();
        rmSync(profile, { recursive: true, force: true });
    };
    return { page, close };
}

/** Opens a player's page and waits for its script. */
export async function open(page, address) {
    const answer = await page.goto(address, { waitUntil: "load", timeout: 20_000 });
    await page.waitForFunction(() => window.lectern !== undefined, undefined, { timeout: 10_000 });
    return answer;
}

/** Waits until the player plays. */
export function playing(page, timeout = 30_000) {
    return page.waitForFunction(
        () => document.querySelector("#media").currentTime > 0 && document.querySelector("#player").dataset.state === "playing",
        undefined,
        { timeout },
    );
}

/** Returns what the player knows at this moment. */
export function look(page) {
    return page.evaluate(() => {
        const media = document.querySelector("#media");
        const quality = media.getVideoPlaybackQuality?.();
        const hls = window.lectern.hls;
        const shown = (selector) => !document.querySelector(selector).closest("[hidden]");
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
            status: document.querySelector("#status").textContent,
            go_live: shown("#golive"),
            problem: shown("#problem") ? document.querySelector("#problem").textContent : null,
            last_error: window.lectern.lastError,
            rebuilds: window.lectern.rebuilds,
            media_error: media.error?.message ?? null,
            width: media.videoWidth,
        };
    });
}
