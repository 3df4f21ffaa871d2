// When the node is tried again after it could not be reached.

/** First and longest wait, milliseconds. */
const FIRST_MS = 500;
const LONGEST_MS = 8000;

/** Waits twice as long each time, until something comes through. */
export class Retry {
    private waitMs = FIRST_MS;
    private timer = 0;

    constructor(private readonly work: () => void) {}

    /** Tries again after a while; once, however many failures ask for it. */
    later(): void {
        if (this.timer !== 0) return;
        this.timer = window.setTimeout(() => this.now(), this.waitMs);
        this.waitMs = Math.min(this.waitMs * 2, LONGEST_MS);
    }

    /** Tries again at once. */
    now(): void {
        this.cancel();
        this.work();
    }

    /** Something came through: nothing is left to try, and the next outage begins with a short wait. */
    settle(): void {
        this.cancel();
        this.waitMs = FIRST_MS;
    }

    private cancel(): void {
        window.clearTimeout(this.timer);
        this.timer = 0;
    }
}
