//! Where things lie under the data folder. Names only; nothing here touches the disk but [`Layout::create`].

use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use model::{ContentHash, RunNumber, SegmentKey, SegmentNumber, SessionId, TrackName};

use crate::{Error, durable};

/// Owner writes, group reads: a recording is not for every account on the box.
const DIR_MODE: u32 = 0o750;

/// The data folder.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.root.join("index.sqlite")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub(crate) fn growing(&self) -> PathBuf {
        self.root.join("growing")
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// Returns the folder of all objects whose hash begins like `hash`.
    pub(crate) fn fan(&self, hash: ContentHash) -> PathBuf {
        self.objects().join(format!("{:02x}", hash.as_bytes()[0]))
    }

    pub(crate) fn object(&self, hash: ContentHash) -> PathBuf {
        self.fan(hash).join(hash.to_string())
    }

    pub(crate) fn growing_file(&self, name: &GrowingName) -> PathBuf {
        self.growing().join(name.to_string())
    }

    /// Returns where an init lies until its row is committed.
    pub(crate) fn init_file(&self, hash: ContentHash) -> PathBuf {
        self.growing().join(format!("{hash}{INIT_SUFFIX}"))
    }

    /// Returns where the whole parts of a torn growing file are collected.
    pub(crate) fn salvage_file(&self, name: &GrowingName) -> PathBuf {
        self.growing().join(format!("{name}{SALVAGE_SUFFIX}"))
    }

    /// Makes the folders that are missing and brings their names to the disk.
    pub(crate) fn create(&self) -> Result<(), Error> {
        let is_missing = |dir: &&Path| !dir.as_os_str().is_empty() && !dir.exists();
        let named_in: Vec<PathBuf> = self.root.ancestors().take_while(is_missing).map(parent_of).collect();
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(DIR_MODE);
        for dir in [self.root.clone(), self.objects(), self.growing(), self.quarantine()] {
            builder.create(&dir).map_err(|source| Error::CreateFolder { path: dir.clone(), source })?;
        }
        named_in.iter().try_for_each(|dir| durable::sync_dir(dir))?;
        durable::sync_dir(&self.root)
    }
}

/// Returns the folder that a path's name stands in. A relative path of one name lies in the current folder.
fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent == Path::new("") => PathBuf::from("."),
        parent => parent.unwrap_or(path).to_owned(),
    }
}

/// Makes one folder; says whether it was missing.
pub(crate) fn create_dir(path: &Path) -> Result<bool, Error> {
    match DirBuilder::new().mode(DIR_MODE).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(Error::CreateFolder { path: path.to_owned(), source }),
    }
}

const INIT_SUFFIX: &str = ".init";
const SALVAGE_SUFFIX: &str = ".salvage";

/// What a name in `growing/` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leftover {
    /// A segment that was growing.
    Segment(GrowingName),
    /// An init whose row may be missing.
    Init(ContentHash),
    /// A half-made copy of a segment's whole parts: worth nothing.
    Salvage(GrowingName),
    /// A half-made copy of an object: worth nothing.
    Copy,
    /// Nothing this program makes.
    Foreign,
}

impl Leftover {
    pub(crate) fn of(file_name: &str) -> Self {
        if let Some(hash) = file_name.strip_suffix(INIT_SUFFIX) {
            return hash.parse().map_or(Self::Foreign, Self::Init);
        }
        if let Some(name) = file_name.strip_suffix(SALVAGE_SUFFIX) {
            return name.parse().map_or(Self::Foreign, Self::Salvage);
        }
        if let Some(hash) = file_name.strip_suffix(COPY_SUFFIX) {
            return hash.parse::<ContentHash>().map_or(Self::Foreign, |_| Self::Copy);
        }
        file_name.parse().map_or(Self::Foreign, Self::Segment)
    }
}

/// Ends the name of a copy that is being made where the file system knows no links.
pub(crate) const COPY_SUFFIX: &str = ".copy";

/// Everything that identifies a growing segment; its file is called so, which makes the file its own journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GrowingName {
    pub(crate) session: SessionId,
    pub(crate) track: TrackName,
    pub(crate) key: SegmentKey,
}

impl fmt::Display for GrowingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.session, self.track, self.key.run, self.key.number)
    }
}

/// The text does not name a growing segment.
#[derive(Debug)]
pub(crate) struct NotAGrowingName;

impl FromStr for GrowingName {
    type Err = NotAGrowingName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut fields = text.split('.');
        let mut field = || fields.next().ok_or(NotAGrowingName);
        let name = Self {
            session: field()?.parse().map_err(|_| NotAGrowingName)?,
            track: field()?.parse().map_err(|_| NotAGrowingName)?,
            key: SegmentKey {
                run: RunNumber(field()?.parse().map_err(|_| NotAGrowingName)?),
                number: SegmentNumber(field()?.parse().map_err(|_| NotAGrowingName)?),
            },
        };
        // Only the canonical form, so that a segment has exactly one file.
        if name.to_string() == text { Ok(name) } else { Err(NotAGrowingName) }
    }
}

#[cfg(test)]
mod tests {
    use model::WallTime;

    use super::*;

    fn name() -> GrowingName {
        GrowingName {
            session: SessionId::new(WallTime::from_unix_ms(1_795_000_000_000), [3; 10]),
            track: "720p".parse().unwrap(),
            key: SegmentKey { run: RunNumber(2), number: SegmentNumber(17) },
        }
    }

    #[test]
    fn a_growing_file_tells_which_segment_it_is() {
        assert_eq!(Leftover::of(&name().to_string()), Leftover::Segment(name()));
    }

    #[test]
    fn no_other_name_is_taken_for_a_segment() {
        let good = name().to_string();
        for bad in [format!("{good}.1"), format!("0{good}"), format!("{good}~"), String::new(), "..".into()] {
            assert_eq!(Leftover::of(&bad), Leftover::Foreign, "{bad}");
        }
        let padded = good.replace(".2.17", ".02.17");
        assert_eq!(Leftover::of(&padded), Leftover::Foreign);
    }

    #[test]
    fn helper_files_are_told_from_media() {
        let hash = ContentHash::from_bytes([0xab; 32]);
        assert_eq!(Leftover::of(&format!("{hash}.init")), Leftover::Init(hash));
        assert_eq!(Leftover::of(&format!("{}.salvage", name())), Leftover::Salvage(name()));
        assert_eq!(Leftover::of(&format!("{hash}.copy")), Leftover::Copy);
        assert_eq!(Leftover::of("x.init"), Leftover::Foreign);
    }

    #[test]
    fn a_name_stands_in_the_folder_above_it() {
        assert_eq!(parent_of(Path::new("/srv/lectern")), Path::new("/srv"));
        assert_eq!(parent_of(Path::new("data")), Path::new("."));
        assert_eq!(parent_of(Path::new("/")), Path::new("/"));
    }

    #[test]
    fn a_data_folder_is_made_with_every_folder_above_it() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(&dir.path().join("srv/lectern/data"));
        layout.create().unwrap();
        layout.create().unwrap();
        assert!(layout.growing().is_dir());
    }

    #[test]
    fn objects_fan_out_by_their_first_byte() {
        let layout = Layout::new(Path::new("/d"));
        let hash = ContentHash::from_bytes([0xab; 32]);
        assert_eq!(layout.object(hash), Path::new("/d/objects/ab").join(hash.to_string()));
    }
}
