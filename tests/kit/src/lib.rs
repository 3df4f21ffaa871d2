//! What the tests, benches and the demo share: speech material, an LL-HLS client, media probes, a daemon to drive.

pub mod daemon;
pub mod fragment;
pub mod http;
pub mod llhls;
pub mod playlist;
pub mod probe;
pub mod promise;
pub mod quantile;
pub mod speech;
pub mod stopwatch;
pub mod talk;
