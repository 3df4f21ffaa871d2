// Builds web/dist from web/src. The result is committed, so that building the node needs no Node.js.
// dist/manifest.json holds the SHA-256 of every source and of every output: whoever changes one without the other is found.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const sha256 = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
const files = (folder) => readdirSync(folder).sort().map((name) => join(folder, name));
const sources = () => [...files("src"), "build.mjs", "package-lock.json", "package.json", "tsconfig.json"];
const outputs = () => files("dist").filter((path) => !path.endsWith("manifest.json"));
const hashes = (paths) => Object.fromEntries(paths.map((path) => [path, sha256(path)]));
const manifest = () => `${JSON.stringify({ sources: hashes(sources()), outputs: hashes(outputs()) }, null, 2)}\n`;

if (process.argv.includes("--verify")) {
    if (readFileSync("dist/manifest.json", "utf8") !== manifest()) {
        console.error("web/dist does not belong to web/src; run `npm ci && npm run build` in web/ and commit dist");
        process.exit(1);
    }
} else {
    const { build } = await import("esbuild");
    const common = { bundle: true, minify: true, write: false, target: ["es2020"], legalComments: "none" };
    const script = { ...common, format: "esm", platform: "browser" };
    const made = [
        ["app.js", await build({ ...script, entryPoints: ["src/app.ts"] })],
        ["hls.js", await build({ ...script, entryPoints: ["src/hls.ts"] })],
        ["app.css", await build({ ...common, entryPoints: ["src/app.css"] })],
    ].map(([name, result]) => [name, result.outputFiles[0].contents]);
    made.push(["icon.svg", readFileSync("src/icon.svg")]);
    mkdirSync("dist", { recursive: true });
    for (const [name, contents] of made) {
        const packed = gzipSync(contents, { level: 9 });
        packed[9] = 255; // "unknown system" (RFC 1952, 2.3), the same wherever it is built
        writeFileSync(`dist/${name}.gz`, packed);
        console.log(`${name}: ${contents.length} bytes, ${packed.length} compressed`);
    }
    writeFileSync("dist/hls.js.LICENSE.txt", readFileSync("node_modules/hls.js/LICENSE"));
    writeFileSync("dist/manifest.json", manifest());
}
