// Plays one session: hls.js where it runs, the browser's own HLS elsewhere.
import type Hls from "hls.js";
import type { ErrorData, HlsConfig } from "hls.js";
import { preferSound, prefersSound } from "./choice";
import { Retry } from "./retry";
import { text } from "./text";

type State = "idle" | "loading" | "playing" | "paused" | "waiting" | "offline" | "error" | "ended";
type HlsClass = typeof Hls;

/** A player further behind than its target by this much is no longer "live", seconds. */
const LIVE_SLACK_S = 3;
/** How far behind a live track's start as hls.js has it "the start" lies, seconds. It adds rounded durations up, backwards
 *  from where it began to play, so that start may come out microseconds late; and it takes a position before it for expired
 *  and loads that track from the live edge. */
const START_SLACK_S = 0.001;
/** How often the library repeats a request before the player takes the node for lost. */
const HICCUP = { maxNumRetry: 2, retryDelayMs: 500, maxRetryDelayMs: 1000 };

export class Player {
    hls: Hls | null = null;
    /** How often the player was built anew after a failure. */
    rebuilds = 0;
    /** The last error of hls.js, fatal or not. */
    lastError: string | null = null;

    private readonly media: HTMLVideoElement;
    private readonly start: HTMLButtonElement;
    private library: HlsClass | null = null;
    private audioOnly: boolean;
    private mediaErrors = 0;
    private readonly retry = new Retry(() => void this.tryAgain());
    /** The node cannot be reached; what is loaded may still play. */
    private lost = false;
    /** Whether the player was at the live edge when it last played. */
    private wasAtEdge = true;
    /** Whether the media element stands where the reader is: not before it has found its place. */
    private placed = false;
    private resumeAt = -1;

    constructor(private readonly root: HTMLElement) {
        this.media = this.find<HTMLVideoElement>("#media");
        // Chromium claims to play HLS itself, but without parts; so nothing is left for it to pick up.
        this.media.replaceChildren();
        this.media.removeAttribute("src");
        this.media.controls = false;
        this.audioOnly = root.dataset.video === "no" || prefersSound();
        this.start = document.createElement("button");
        this.start.id = "start";
        this.start.type = "button";
        this.start.textContent = text.play(root.dataset.kind === "live");
        this.find(".stage").append(this.start);
        this.find("#controls").hidden = false;
        this.find("#restart").hidden = true;
        this.wire();
        this.showMode();
        window.setInterval(() => this.showStatus(), 500);
    }

    get state(): State {
        return this.root.dataset.state as State;
    }

    /** Seconds behind the live edge; null when recorded or unknown. */
    get behind(): number | null {
        return this.hls && this.isLive && Number.isFinite(this.hls.latency) && this.hls.latency > 0 ? this.hls.latency : null;
    }

    get isLive(): boolean {
        const level = this.hls?.latestLevelDetails;
        return level ? level.live : this.root.dataset.kind === "live";
    }

    private find<T extends HTMLElement>(selector: string): T {
        const found = this.root.querySelector<T>(selector);
        if (!found) throw new Error(`the page lacks ${selector}`);
        return found;
    }

    private wire(): void {
        const on = (selector: string, event: string, work: () => void) =>
            this.find(selector).addEventListener(event, work);
        this.start.addEventListener("click", () => {
            void this.play();
            // The button is gone by then; whoever uses a keyboard goes on with the player's own controls.
            this.media.focus();
        });
        on("#golive", "click", () => this.goLive());
        on("#restart", "click", () => this.seekToStart());
        on("#listen", "click", () => this.switchMode());
        on("#retry", "click", () => this.retry.now());
        on("#speed", "change", () => this.applySpeed());
        const media = this.media;
        media.addEventListener("playing", () => {
            this.placed = true;
            this.enter("playing");
        });
        media.addEventListener("pause", () => !media.ended && this.state === "playing" && this.enter("paused"));
        media.addEventListener("ended", () => this.enter("ended"));
        media.addEventListener("waiting", () => {
            if (this.lost) this.complain(text.offline);
            if (["playing", "paused", "ended"].includes(this.state)) this.enter(this.lost ? "offline" : "waiting");
        });
        media.addEventListener("seeking", () => {
            if (this.hls && media.currentTime < this.startPosition) media.currentTime = this.startPosition;
        });
        window.addEventListener("online", () => this.lost && this.retry.now());
    }

    /** Begins to play; called from a click, so that the browser allows sound. */
    async play(position = -1): Promise<void> {
        this.start.hidden = true;
        this.media.controls = true;
        this.find("#restart").hidden = false;
        this.enter(this.lost ? "offline" : "loading");
        try {
            // Browsers may remember that an address held no script; so each try has an address of its own.
            const again = this.rebuilds > 0 ? `&again=${this.rebuilds}` : "";
            this.library ??= ((await import(this.root.dataset.hls + again)) as { default: HlsClass }).default;
        } catch {
            this.lose(text.offline);
            return;
        }
        if (this.library.isSupported()) {
            this.attach(this.library, position);
        } else if (this.media.canPlayType("application/vnd.apple.mpegurl")) {
            this.attachNatively(position);
        } else {
            this.fail("error", text.unplayable);
            return;
        }
        await this.media.play().catch(() => this.state === "loading" && this.enter("paused"));
    }

    private get address(): string {
        return (this.audioOnly ? this.root.dataset.audio : this.root.dataset.whole) ?? "";
    }

    private attach(library: HlsClass, position: number): void {
        this.hls?.destroy();
        this.placed = false;
        const config: Partial<HlsConfig> = {
            lowLatencyMode: true,
            maxLiveSyncPlaybackRate: this.speed === 1 ? 1.1 : 1,
            backBufferLength: 60,
            // Half a second more after a stall; the library's whole second doubles the delay for good.
            liveSyncOnStallIncrease: 0.5,
            enableWorker: false,
            startPosition: position,
            // The player itself tries on for as long as it takes, and says so; the library only bridges a hiccup.
            fragLoadPolicy: { default: { ...library.DefaultConfig.fragLoadPolicy.default, errorRetry: HICCUP } },
        };
        const hls = new library(config);
        this.hls = hls;
        this.media.disableRemotePlayback = "ManagedMediaSource" in window;
        hls.on(library.Events.ERROR, (_, data) => this.onError(library, hls, data));
        hls.on(library.Events.LEVEL_UPDATED, () => this.reached());
        hls.on(library.Events.FRAG_BUFFERED, () => this.reached());
        hls.loadSource(this.address);
        hls.attachMedia(this.media);
        this.applySpeed();
    }

    private attachNatively(position: number): void {
        const media = this.media;
        const hasPlayed = this.placed || this.resumeAt >= 0;
        this.placed = false;
        media.onloadedmetadata = () => {
            if (position > 0) media.currentTime = position;
            this.reached();
        };
        media.onerror = () => (hasPlayed || this.placed ? this.lose(text.offline) : this.fail("error", text.unplayable));
        media.src = this.address;
        this.applySpeed();
    }

    private onError(library: HlsClass, hls: Hls, data: ErrorData): void {
        this.lastError = `${data.type} ${data.details}${data.fatal ? " fatal" : ""}`;
        if (!data.fatal || hls !== this.hls) return;
        if (data.type === library.ErrorTypes.MEDIA_ERROR && this.mediaErrors++ < 2) {
            hls.recoverMediaError();
        } else if (data.type === library.ErrorTypes.NETWORK_ERROR) {
            this.lose(data.response?.code === 404 ? text.gone : text.offline);
        } else {
            this.fail("error", text.broken);
        }
    }

    /** Nothing comes from the node. What is loaded plays on; the player goes "offline" when that is used up. */
    private lose(message: string): void {
        this.lost = true;
        const plays = this.isBuffered && !this.media.paused;
        this.complain(plays ? text.offlinePlaying : message);
        if (this.state !== "paused" && !plays) this.enter("offline");
        this.retry.later();
    }

    private reached(): void {
        this.retry.settle();
        this.lost = false;
        this.hideProblem();
        if (this.state === "offline") this.enter(this.media.paused ? "paused" : "waiting");
    }

    /** Whether there is something to play at the position. */
    private get isBuffered(): boolean {
        return this.media.readyState > HTMLMediaElement.HAVE_CURRENT_DATA;
    }

    /** Loads on if there is something to keep: the place in a recording, and whatever is loaded. Otherwise, and at the live
     *  edge, the player is built anew. */
    private async tryAgain(): Promise<void> {
        if (this.hls && this.placed && (!this.isLive || this.isBuffered)) {
            this.hls.startLoad(this.media.currentTime, true);
        } else {
            await this.rebuild();
        }
    }

    /** Builds the player anew where it was; at the live edge if it was there. */
    private async rebuild(): Promise<void> {
        this.rebuilds += 1;
        await this.play(this.resumePosition());
    }

    /** Returns where to go on: -1 for the live edge. A player that never came to play keeps the place of the one before. */
    private resumePosition(): number {
        if (this.placed) this.resumeAt = this.isLive && this.wasAtEdge ? -1 : this.media.currentTime;
        return this.resumeAt;
    }

    private atLiveEdge(): boolean {
        const behind = this.behind;
        return behind !== null && behind < (this.hls?.targetLatency ?? 0) + LIVE_SLACK_S;
    }

    private goLive(): void {
        const edge = this.hls?.liveSyncPosition;
        if (edge) this.media.currentTime = edge;
        void this.media.play();
    }

    /** The earliest position that every track has. */
    private get startPosition(): number {
        if (!this.hls || !this.isLive) return 0;
        const sound = this.hls.audioTracks[this.hls.audioTrack]?.details;
        const starts = [this.hls.latestLevelDetails, sound].map((details) => details?.fragmentStart ?? 0);
        return Math.max(...starts) + START_SLACK_S;
    }

    private seekToStart(): void {
        this.media.currentTime = this.startPosition;
        void this.media.play();
    }

    private switchMode(): void {
        this.audioOnly = !this.audioOnly;
        preferSound(this.audioOnly);
        this.showMode();
        if (this.state !== "idle") void this.play(this.resumePosition());
    }

    private showMode(): void {
        this.root.dataset.mode = this.audioOnly ? "audio" : "video";
        const button = this.find("#listen");
        button.setAttribute("aria-pressed", String(this.audioOnly));
        button.hidden = this.root.dataset.video === "no";
    }

    private get speed(): number {
        return Number(this.find<HTMLSelectElement>("#speed").value);
    }

    private applySpeed(): void {
        // hls.js sets the speed itself to stay at the live edge, and would undo the reader's choice.
        if (this.hls) this.hls.config.maxLiveSyncPlaybackRate = this.speed === 1 ? 1.1 : 1;
        this.media.defaultPlaybackRate = this.speed;
        this.media.playbackRate = this.speed;
    }

    private enter(state: State): void {
        this.root.dataset.state = state;
        if (state === "playing") {
            if (this.lost) this.complain(text.offlinePlaying);
            else this.hideProblem();
        }
        this.showStatus();
    }

    private fail(state: "offline" | "error", message: string): void {
        this.complain(message);
        this.enter(state);
    }

    private complain(message: string): void {
        const problem = this.find("#problem");
        // Read aloud when it changes: each new try would otherwise say the same again.
        if (problem.textContent !== message) problem.textContent = message;
        problem.hidden = false;
        this.find("#retry").hidden = false;
    }

    private hideProblem(): void {
        this.find("#problem").hidden = true;
        this.find("#retry").hidden = true;
    }

    private showStatus(): void {
        // Without a network the library waits in silence.
        if (this.state === "waiting" && !navigator.onLine && !this.lost) this.lose(text.offline);
        // While nothing comes, the edge moves on without the player; it is still where it was.
        if (this.state === "playing" && !this.lost) this.wasAtEdge = this.atLiveEdge();
        const atEdge = this.wasAtEdge;
        this.root.dataset.edge = this.isLive ? (atEdge ? "live" : "behind") : "recorded";
        this.root.dataset.behind = this.behind?.toFixed(2) ?? "";
        const stopped = ["idle", "loading", "offline", "error"].includes(this.state);
        this.find("#golive").hidden = !this.isLive || atEdge || stopped || this.lost;
        const said = this.sentence(atEdge);
        const status = this.find("#status");
        // Spoken aloud when it changes, so it changes only when there is something to say.
        if (said !== null && status.textContent !== said) status.textContent = said;
    }

    private sentence(atEdge: boolean): string | null {
        switch (this.state) {
            case "idle":
                return null;
            case "loading":
                return text.loading;
            case "waiting":
                return text.waiting;
            case "offline":
            case "error":
                return "";
            case "paused":
                return text.paused;
            case "ended":
                return text.ended;
            case "playing":
                if (!this.isLive) return text.recorded;
                return atEdge ? text.live : text.behind(roundBehind(this.behind ?? 0));
        }
    }
}

/** Rounds what is spoken: to 5 s, to 10 s above a minute. */
function roundBehind(seconds: number): number {
    const step = seconds < 60 ? 5 : 10;
    return Math.max(step, Math.round(seconds / step) * step);
}
