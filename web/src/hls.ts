// hls.js on its own, so that it is fetched when somebody plays and not before. The full build: sound is a rendition of
// its own, which the light build does not play.
export { default } from "hls.js";
