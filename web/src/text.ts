// What the player says to people.

export const text = {
    loading: "Loading…",
    waiting: "Waiting for the node…",
    offline: "The node cannot be reached. Are you still on the room's Wi-Fi? Trying again…",
    offlinePlaying: "The node cannot be reached. What is loaded plays on. Trying again…",
    unplayable: "This browser cannot play the lecture. Try another browser, or open one of the links below in VLC.",
    gone: "There is nothing to play here. The lecture may have just begun; try again in a moment.",
    broken: "Playback stopped because of a fault. Press “Try again”.",
    recorded: "Recorded",
    paused: "Paused",
    ended: "The end",
    live: "Live",
    behind: (seconds: number) => `Live, ${span(seconds)} behind`,
    play: (live: boolean) => (live ? "▶ Play live" : "▶ Play"),
};

function span(seconds: number): string {
    const whole = Math.round(seconds);
    return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}
