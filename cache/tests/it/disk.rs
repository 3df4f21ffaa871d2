//! Disks that are full, read-only, out of inodes or forbidden, on small file systems of their own.
//!
//! These need root and loop devices; where there are none they say so and prove nothing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cache::{Error, Growing, Kind, Repair, Store};
use model::{PartIndex, SegmentKey, SessionId};

use crate::kit::{append, begin, key, name, open, part, record, segments, try_open};

/// An ext4 file system in a file, mounted as long as this lives.
struct Disk {
    root: tempfile::TempDir,
}

impl Disk {
    /// Makes and mounts a file system; `None`, with a message, where that is not possible.
    fn mount(mebibytes: u64, mkfs: &[&str]) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("SKIPPED: needs root to mount a loop device");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        let disk = Self { root };
        fs::File::create(disk.image()).unwrap().set_len(mebibytes << 20).unwrap();
        fs::create_dir(disk.path()).unwrap();
        let image = disk.image();
        let mkfs = [&["-q", "-F", "-m", "0"], mkfs, &[image.to_str().unwrap()]].concat();
        let made = run("mkfs.ext4", &mkfs) && disk.mount_again();
        if !made {
            println!("SKIPPED: mkfs.ext4 or mount -o loop does not work here");
        }
        made.then_some(disk)
    }

    fn image(&self) -> PathBuf {
        self.root.path().join("image")
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("disk")
    }

    fn mount_again(&self) -> bool {
        run("mount", &["-o", "loop", self.image().to_str().unwrap(), self.path().to_str().unwrap()])
    }

    fn unmount(&self) -> bool {
        (0..100).any(|_| run("umount", &[self.path().to_str().unwrap()]))
    }

    /// Changes the options. Tried again while a child that another test is starting holds copies of open files.
    fn remount(&self, options: &str) {
        let (options, path) = (format!("remount,{options}"), self.path());
        assert!((0..100).any(|_| run("mount", &["-o", &options, path.to_str().unwrap()])));
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Fills the disk but for `left` bytes.
    fn fill(&self, left: u64) {
        let disk = rustix::fs::statvfs(self.path()).unwrap();
        let bytes = (disk.f_bavail * disk.f_frsize).saturating_sub(left);
        let file = fs::File::create(self.path().join("filler")).unwrap();
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes).unwrap();
    }

    fn fill_to_the_last_byte(&self) {
        let mut file =
            fs::OpenOptions::new().append(true).create(true).open(self.path().join("filler")).unwrap();
        while std::io::Write::write(&mut file, &[1; 1024]).is_ok_and(|written| written > 0) {}
    }

    fn empty(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if !self.unmount() {
            println!("{} is not mounted any more", self.path().display());
        }
    }
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

/// Everything that was acknowledged: the parts of each segment, sealed or not.
type Promised = Vec<(SegmentKey, u32)>;

/// Records until something fails; returns the failure.
fn record_until_it_fails(store: &Store, id: SessionId, promised: &mut Promised, first: u64) -> Error {
    for number in first..100_000 {
        let key = key(0, number);
        let failed = match store.open_segment(id, &name("audio"), key) {
            Ok(growing) => record_parts(growing, key, promised),
            Err(error) => Err(error),
        };
        if let Err(error) = failed {
            return error;
        }
    }
    panic!("the disk is never full");
}

fn record_parts(mut growing: Growing, key: SegmentKey, promised: &mut Promised) -> Result<(), Error> {
    for index in 0..4 {
        let (part, media) = part("audio", key, index);
        growing.append(&part, &media)?;
        if index == 0 {
            promised.push((key, 0));
        }
        promised.last_mut().unwrap().1 = index + 1;
    }
    growing.seal(None).map(|_| ())
}

fn assert_kept(store: &Store, id: SessionId, promised: &Promised) {
    let found = segments(store, id, "audio");
    for (key, parts) in promised {
        let segment = found.iter().find(|segment| segment.key == *key);
        let segment = segment.unwrap_or_else(|| panic!("segment {key:?} with {parts} parts is gone"));
        assert!(segment.parts.len() >= *parts as usize, "{key:?}");
        let bytes: Vec<u8> = (0..u32::try_from(segment.parts.len()).unwrap())
            .flat_map(|index| part("audio", *key, index).1)
            .collect();
        assert_eq!(store.object(segment.hash).unwrap().unwrap(), bytes, "{key:?}");
    }
    let report = store.check(Repair::No, &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn a_full_disk_loses_nothing_and_recording_goes_on_when_there_is_room() {
    let Some(disk) = Disk::mount(16, &[]) else { return };
    let (store, _) = open(&disk.data());
    let id = begin(&store, 1, &["audio"]);
    let mut promised = Promised::new();
    disk.fill(400 << 10);
    let error = record_until_it_fails(&store, id, &mut promised, 0);
    assert_eq!(error.kind(), Kind::Full, "{error:?}");
    assert!(error.path().unwrap().starts_with(disk.data()), "{error:?}");
    assert!(error.advice().contains("is full"), "{}", error.advice());
    assert!(promised.len() > 5, "{promised:?}");
    let again = record_until_it_fails(&store, id, &mut promised, 50_000);
    assert_eq!(again.kind(), Kind::Full, "still full: {again:?}");

    disk.empty();
    store.settle().unwrap();
    assert_kept(&store, id, &promised);
    record(&store, id, "audio", key(0, 90_000));
    drop(store);
    assert_kept(&open(&disk.data()).0, id, &promised);
}

#[test]
fn a_part_that_did_not_fit_leaves_no_trace_in_its_segment() {
    let Some(disk) = Disk::mount(16, &[]) else { return };
    let (store, _) = open(&disk.data());
    let id = begin(&store, 1, &["audio"]);
    let mut growing = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
    append(&mut growing, "audio", key(0, 0), 0..1);
    disk.fill(100 << 10);
    let (start, samples) = (part("audio", key(0, 0), 1).0.start, 24);
    let (large, media) = cache::synthetic::part(PartIndex(1), start, samples, 400 << 10, 1);
    assert_eq!(growing.append(&large, &media).unwrap_err().kind(), Kind::Full);
    disk.empty();
    let sealed = growing.seal(None).unwrap();
    assert_eq!(sealed.parts, [part("audio", key(0, 0), 0).0]);
    assert_kept(&store, id, &vec![(key(0, 0), 1)]);
}

#[test]
fn a_start_on_a_full_disk_loses_nothing() {
    let Some(disk) = Disk::mount(16, &[]) else { return };
    let (store, _) = open(&disk.data());
    let id = begin(&store, 1, &["audio"]);
    let mut promised = Promised::new();
    disk.fill(300 << 10);
    record_until_it_fails(&store, id, &mut promised, 0);
    disk.fill_to_the_last_byte();
    drop(store);
    match try_open(&disk.data()) {
        Ok((store, recovery)) => {
            assert!(recovery.left.iter().all(|left| left.advice.contains("is full")), "{recovery:?}");
            drop(store);
        }
        Err(error) => assert_eq!(error.kind(), Kind::Full, "{error:?}"),
    }
    disk.empty();
    let (store, recovery) = open(&disk.data());
    assert_eq!(recovery.left, []);
    assert_kept(&store, id, &promised);
}

#[test]
fn a_session_can_be_deleted_on_a_full_disk() {
    let Some(disk) = Disk::mount(300, &[]) else { return };
    let (store, _) = open(&disk.data());
    let ids = [1, 2].map(|n| begin(&store, n, &["audio"]));
    for number in 0..30 {
        record(&store, ids[0], "audio", key(0, number));
    }
    // Closed and opened, the log has no room of its own.
    drop(store);
    let (store, _) = open(&disk.data());
    disk.fill_to_the_last_byte();
    store.delete_session(ids[0]).unwrap();
    assert_eq!(store.session(ids[0]).unwrap(), None);
    record(&store, ids[1], "audio", key(0, 0));
}

#[test]
fn a_disk_without_inodes_is_called_full() {
    let Some(disk) = Disk::mount(16, &["-N", "64"]) else { return };
    let (store, _) = open(&disk.data());
    let id = begin(&store, 1, &["audio"]);
    let mut promised = Promised::new();
    let error = record_until_it_fails(&store, id, &mut promised, 0);
    assert_eq!(error.kind(), Kind::Full, "{error:?}");
    assert!(!promised.is_empty());
    store.settle().unwrap();
    let sealed = segments(&store, id, "audio").len();
    assert!(sealed + 1 >= promised.len(), "only the last one may wait for an inode: {sealed}");
}

#[test]
fn a_read_only_folder_cannot_be_written_and_can_be_read() {
    let Some(disk) = Disk::mount(16, &[]) else { return };
    let (store, _) = open(&disk.data());
    let id = begin(&store, 1, &["audio"]);
    let (sealed, bytes) = record(&store, id, "audio", key(0, 0));
    drop(store);
    disk.remount("ro");
    let error = try_open(&disk.data()).unwrap_err();
    assert_eq!(error.kind(), Kind::ReadOnly, "{error:?}");
    assert!(error.advice().contains("mount its disk writable"), "{}", error.advice());
    let reader = Store::open_read_only(&disk.data()).unwrap();
    assert_eq!(segments(&reader, id, "audio"), std::slice::from_ref(&sealed));
    assert_eq!(reader.object(sealed.hash).unwrap().unwrap(), bytes);
}

#[test]
fn a_disk_that_turns_read_only_in_the_middle_loses_nothing() {
    let Some(disk) = Disk::mount(16, &[]) else { return };
    let (store, _) = open(&disk.data());
    let id = begin(&store, 1, &["audio"]);
    record(&store, id, "audio", key(0, 0));
    let mut growing = store.open_segment(id, &name("audio"), key(0, 1)).unwrap();
    append(&mut growing, "audio", key(0, 1), 0..3);
    // What the kernel does by itself when the disk fails under its journal.
    disk.remount("abort");
    let (last, media) = part("audio", key(0, 1), 3);
    let error = growing.append(&last, &media).unwrap_err();
    assert!(matches!(error.kind(), Kind::ReadOnly | Kind::Damaged), "{error:?}");
    growing.seal(None).unwrap_err();
    drop(store);
    assert!(disk.unmount() && disk.mount_again());
    let (store, recovery) = open(&disk.data());
    assert_eq!(recovery.left, []);
    assert_kept(&store, id, &vec![(key(0, 0), 4), (key(0, 1), 3)]);
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let Some(disk) = Disk::mount(16, &[]) else { return };
    let (store, _) = open(&disk.data());
    let id = begin(&store, 1, &["audio"]);
    record(&store, id, "audio", key(0, 0));
    let growing = disk.data().join("growing");
    // Even root may not make files in an immutable folder.
    assert!(run("chattr", &["+i", growing.to_str().unwrap()]));
    let error = store.open_segment(id, &name("audio"), key(0, 1)).unwrap_err();
    assert_eq!(error.kind(), Kind::Permission, "{error:?}");
    assert!(
        error.to_string().contains("growing/") && error.advice().contains("chown"),
        "{error} {}",
        error.advice()
    );
    assert!(run("chattr", &["-i", growing.to_str().unwrap()]));
    record(&store, id, "audio", key(0, 1));
}

#[test]
fn a_folder_that_is_a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    fs::write(&path, b"").unwrap();
    let error = try_open(&path).unwrap_err();
    assert!(matches!(&error, Error::CreateFolder { path: named, .. } if named == &path), "{error:?}");
}
