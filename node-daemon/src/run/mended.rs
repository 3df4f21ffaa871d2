//! What opening the data folder has put right, as log lines for an operator: a few, whatever was found.

use cache::{Left, Recovery, Salvaged};

/// Lines about single files; all are counted.
const LINES_MAX: usize = 10;

/// Logs what was put right, and what was not.
pub(super) fn tell(recovery: &Recovery) {
    if recovery.is_clean() {
        return;
    }
    let Recovery { cut_bytes, empty, removed, missing, returned, inits_missing, strays, .. } = recovery;
    // Strays are left where they are.
    if !(Recovery { strays: 0, forgotten: 0, ..recovery.clone() }).is_clean() {
        tracing::warn!(
            segments = recovery.salvaged.len(),
            cut_bytes,
            empty,
            removed,
            returned,
            quarantined = recovery.quarantined.len(),
            "the data folder was put in order"
        );
    }
    if *strays > 0 && recovery.forgotten == 0 {
        tracing::warn!(strays, "files that no session speaks of; `lectern cache check` names them");
    }
    for Salvaged { session, track, key, parts, bytes } in recovery.salvaged.iter().take(LINES_MAX) {
        let (run, segment) = (key.run.0, key.number.0);
        tracing::info!(%session, %track, run, segment, parts, bytes, "a segment that was cut is kept");
    }
    if missing + inits_missing > 0 {
        let advice = "put the data folder's objects back from a copy; `lectern cache check` names them";
        tracing::error!(missing, inits_missing, advice, "recorded files are gone");
    }
    for Left { file, why, advice } in recovery.left.iter().take(LINES_MAX) {
        tracing::error!(file, why, advice, "a file cannot be put in order");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use model::{RunNumber, SegmentKey, SegmentNumber, SessionId, WallTime};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Returns what is logged of a recovery, as JSON lines.
    fn told(recovery: &Recovery) -> Vec<serde_json::Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let log =
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(log, || tell(recovery));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_recovery_is_told_in_a_few_lines_with_fields() {
        let session = SessionId::new(WallTime::from_unix_ms(1), [1; 10]);
        let key = SegmentKey { run: RunNumber(2), number: SegmentNumber(7) };
        let salvaged = Salvaged { session, track: "audio".parse().unwrap(), key, parts: 3, bytes: 9 };
        let recovery =
            Recovery { salvaged: vec![salvaged; 500], missing: 4, cut_bytes: 17, ..Recovery::default() };
        let lines = told(&recovery);
        assert_eq!(lines.len(), 12, "{lines:?}");
        assert_eq!((&lines[0]["segments"], &lines[0]["cut_bytes"]), (&500.into(), &17.into()));
        assert_eq!((&lines[1]["track"], &lines[1]["segment"]), (&"audio".into(), &7.into()));
        assert_eq!((&lines[11]["level"], &lines[11]["missing"]), (&"ERROR".into(), &4.into()));
    }

    #[test]
    fn a_folder_in_order_is_no_news() {
        assert!(told(&Recovery::default()).is_empty());
        let lines = told(&Recovery { strays: 2, ..Recovery::default() });
        assert_eq!((lines.len(), &lines[0]["strays"]), (1, &2.into()), "what is left is not put in order");
    }
}
