// What this device remembers for its reader. It stays on the device; nothing of it is ever sent.

const SOUND_ONLY = "lectern.sound-only";

/** Returns whether the reader chose sound alone the last time. */
export function prefersSound(): boolean {
    try {
        return window.localStorage.getItem(SOUND_ONLY) === "yes";
    } catch {
        return false;
    }
}

/** Remembers the reader's choice. */
export function preferSound(soundOnly: boolean): void {
    try {
        if (soundOnly) window.localStorage.setItem(SOUND_ONLY, "yes");
        else window.localStorage.removeItem(SOUND_ONLY);
    } catch {
        // Some browsers forbid storage, most of all in private windows: the choice then holds for this page.
    }
}
