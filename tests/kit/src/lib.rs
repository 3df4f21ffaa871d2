//! What the tests, benches and the demo share: speech material, an LL-HLS client, media probes, a daemon to drive.
