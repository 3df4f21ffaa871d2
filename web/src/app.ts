// The player page. Without this script the page still lists the lecture's addresses; with it, it plays.
import { Player } from "./player";

const root = document.querySelector<HTMLElement>("#player");
if (root) {
    const player = new Player(root);
    // For end-to-end tests and for support: what the player knows, readable from outside.
    (window as unknown as { lectern: Player }).lectern = player;
}
