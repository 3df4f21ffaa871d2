//! The daemon as the API sees it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use model::wire::v1::{Levels, PictureCount};
use model::{Clock, Finding, SessionId, Title, Verdict};
use serve::{Control, ControlError, Readiness};
use tokio::sync::{mpsc, oneshot};

use crate::checklist::{finding, lost, silent, space};
use crate::intake::Command;
use crate::keep::Health;
use crate::room::Refusal;
use crate::view::View;

/// As long as pictures were left out within this time, a person should look.
const DROPS_RECENT: Duration = Duration::from_secs(60);

/// Hands orders to the intake and reads what it lets others see.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) view: View,
    pub(crate) health: Health,
    pub(crate) store: cache::Store,
    pub(crate) clock: Arc<dyn Clock>,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ControlError>> + Send + 'a>>;

impl Desk {
    /// Begins a session; waits until its first run has begun.
    ///
    /// # Errors
    /// It does not begin.
    pub(crate) async fn begin(&self, title: Title) -> Result<SessionId, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Start(title, answer)).await.map_err(|_| Refusal::Leaving)?;
        answered.await.map_err(|_| Refusal::Leaving)?
    }

    /// Ends whatever is live and begins nothing more; waits until the last segment is kept.
    pub(crate) async fn close(&self) {
        self.ask(Command::Close).await;
    }

    async fn ask(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (answer, answered) = oneshot::channel();
        if self.commands.send(command(answer)).await.is_err() || answered.await.is_err() {
            tracing::debug!("the intake has left");
        }
    }

    async fn is_known(&self, session: SessionId) -> Result<bool, ControlError> {
        let store = self.store.clone();
        let asked = tokio::task::spawn_blocking(move || store.session(session)).await;
        let found = asked.map_err(|error| ControlError::Internal(error.to_string()))?;
        found.map(|found| found.is_some()).map_err(|error| ControlError::Internal(error.advice()))
    }

    fn storage(&self) -> Vec<Finding> {
        let mut findings = vec![match self.health.trouble() {
            Some(trouble) => finding("storage.failing", Verdict::Fail, &trouble.what, &trouble.advice),
            None => finding("storage.failing", Verdict::Pass, "Everything that comes in is kept.", ""),
        }];
        findings.push(space(self.store.space().ok().map(|(free, _)| free)));
        findings
    }

    fn pictures(&self) -> Option<Finding> {
        let dropped = self.view.dropped_since(self.clock.monotonic().before(DROPS_RECENT))?;
        let what = format!("Pictures are being left out, {dropped} so far: the box has too much to do.");
        let fix = "End other programs on the box, or set `video_720p_bps = 0` below [encoding].";
        Some(finding("picture.dropped", Verdict::Warn, &what, fix))
    }

    fn sources(&self) -> Vec<Finding> {
        self.view.lost_sources().iter().map(|(input, why)| lost(input, why)).collect()
    }
}

impl Control for Desk {
    fn start(&self, title: Title) -> Answer<'_, SessionId> {
        Box::pin(async { self.begin(title).await.map_err(ControlError::from) })
    }

    fn stop(&self, session: SessionId) -> Answer<'_, ()> {
        Box::pin(async move {
            if self.view.session() == Some(session) {
                self.ask(|answer| Command::Stop(session, answer)).await;
                return Ok(());
            }
            match self.is_known(session).await? {
                true => Err(ControlError::NotLive),
                false => Err(ControlError::NoSuchSession),
            }
        })
    }

    fn live(&self) -> Option<SessionId> {
        self.view.session()
    }

    fn levels(&self) -> Option<Levels> {
        self.view.levels()
    }

    fn pictures(&self) -> Vec<PictureCount> {
        self.view.pictures()
    }

    fn readiness(&self) -> Readiness {
        let capture = if self.view.is_capture_ready() {
            finding("capture.lost", Verdict::Pass, "The capture process runs.", "")
        } else {
            let what = "The capture process does not run; it is started again by itself.";
            finding(
                "capture.lost",
                Verdict::Fail,
                what,
                "If this stays for a minute, switch the box off and on again.",
            )
        };
        let mut findings = vec![capture];
        findings.extend(self.storage());
        findings.extend(self.sources());
        findings.extend(self.view.no_sound().map(silent));
        findings.extend(Desk::pictures(self));
        Readiness { findings }
    }
}

impl From<Refusal> for ControlError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy(session) => Self::Live { session },
            Refusal::NoSources | Refusal::Failed(_) => Self::Source(refusal.to_string()),
            Refusal::NotKept(_) => Self::Storage(refusal.to_string()),
            Refusal::CaptureLost | Refusal::Stopped | Refusal::Leaving => Self::Internal(refusal.to_string()),
        }
    }
}

/// Writes a size for people, in the unit that leaves one to four digits.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let Some((shift, unit)) = units.into_iter().find(|(shift, _)| bytes >> shift > 0) else {
        return format!("{bytes} B");
    };
    // Gibibytes are compared over days, so their tenths count.
    let tenths = ((bytes >> (shift - 10)) * 10) >> 10;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use model::wire::v1::{NoSound, SourceState};
    use model::{ManualClock, RunNumber};

    use super::*;

    fn desk(folder: &std::path::Path) -> (Desk, Arc<ManualClock>) {
        let (store, _) = cache::Store::open(folder, cache::Options::default()).unwrap();
        let clock = Arc::new(ManualClock::new(model::WallTime::from_unix_ms(0)));
        let desk = Desk {
            commands: mpsc::channel(1).0,
            view: View::default(),
            health: Health::default(),
            store,
            clock: clock.clone(),
        };
        (desk, clock)
    }

    #[test]
    fn pictures_that_are_left_out_are_a_finding_for_a_minute_and_counted_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let (desk, clock) = desk(folder.path());
        clock.advance(Duration::from_secs(600));
        let session = SessionId::new(model::WallTime::from_unix_ms(0), [1; 10]);
        let say = |run, dropped, repeated| {
            let count = PictureCount { track: "720p".parse().unwrap(), dropped, repeated };
            desk.view.set_pictures(session, RunNumber(run), &[count], clock.monotonic());
        };
        let found = || {
            let findings = desk.readiness().findings;
            findings.into_iter().find(|finding| finding.id == "picture.dropped").map(|finding| finding.what)
        };
        let counted = || desk.view.pictures().into_iter().map(|count| (count.dropped, count.repeated)).next();
        say(0, 0, 5);
        assert_eq!((found(), counted()), (None, Some((0, 5))), "a slow camera's repeats are no loss");
        say(0, 6, 7);
        assert!(found().unwrap().contains("6 so far"));
        clock.advance(Duration::from_secs(59));
        say(0, 6, 9);
        assert!(found().is_some());
        clock.advance(Duration::from_secs(1));
        assert_eq!(found(), None);
        say(1, 2, 0);
        assert!(found().unwrap().contains("2 so far"));
        assert_eq!(counted(), Some((8, 9)), "a counter never goes back");
    }

    #[test]
    fn a_lecture_without_sound_is_a_finding_as_long_as_it_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let (desk, _) = desk(folder.path());
        let found = || {
            let findings = desk.readiness().findings;
            findings.into_iter().find(|finding| finding.id.starts_with("audio."))
        };
        for (why, id) in [(NoSound::Absent, "audio.absent"), (NoSound::Ended, "audio.ended")] {
            desk.view.set_no_sound(Some(why));
            let finding = found().unwrap();
            assert_eq!((finding.id.as_str(), finding.verdict), (id, Verdict::Warn));
            assert!(finding.do_this.contains("start again"));
        }
        desk.view.set_session(None);
        assert_eq!(found(), None);
    }

    #[test]
    fn a_camera_that_is_lost_is_named_without_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let (desk, _) = desk(folder.path());
        let camera = "rtsp://admin:secret@10.0.0.9/main".parse().unwrap();
        desk.view.set_source(camera, SourceState::Lost { why: "its cable is out".to_owned() });
        let findings = desk.readiness().findings;
        let lost = findings.iter().find(|finding| finding.id == "camera.lost").unwrap();
        assert_eq!(lost.what, "rtsp://10.0.0.9/main delivers nothing: its cable is out");
    }

    #[test]
    fn free_space_is_told_in_words() {
        assert_eq!(size(4 << 30), "4.0 GiB");
        assert_eq!(size((5 << 29) + 7), "2.5 GiB");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(u64::MAX), "17179869183.9 GiB");
    }
}
