//! Processor time and memory of a process and its children, from `/proc`.

use std::time::Duration;

/// Length of a tick in `/proc/PID/stat`: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// What processes used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, user and system.
    pub cpu: Duration,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Processes counted.
    pub processes: u32,
}

/// Returns what a process and its living descendants used.
pub fn usage_of(pid: u32) -> Usage {
    let mut sum = of_one(pid).unwrap_or_default();
    for child in children_of(pid) {
        let used = usage_of(child);
        sum.cpu += used.cpu;
        sum.rss_bytes += used.rss_bytes;
        sum.processes += used.processes;
    }
    sum
}

fn of_one(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; what counts comes after the last bracket, from field 3 on.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let rss_kib: u64 = rss.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(Usage { cpu: TICK * (ticks(14)? + ticks(15)?), rss_bytes: rss_kib * 1024, processes: 1 })
}

/// Returns the children of a process.
pub(super) fn children_of(pid: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().map(|task| task.path().join("children"));
    let lists = lists.filter_map(|path| std::fs::read_to_string(path).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Returns whether a process runs: zombies do not.
pub(super) fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(')').map(|(_, rest)| !rest.trim_start().starts_with('Z')))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_test_uses_memory() {
        let used = usage_of(std::process::id());
        assert!(used.rss_bytes > 1 << 20 && used.processes >= 1, "{used:?}");
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(u32::MAX));
    }
}
