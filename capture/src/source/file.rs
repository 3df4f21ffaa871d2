//! A media file, paced in real time, once or again and again.

mod decoder;

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::input::AtEnd;
use model::wire::v1::Failure;

use self::decoder::{Decoder, Stream};
use super::{BLOCK_FRAMES, Length, Outlet, Roles, Source, Timebase, sample_at, sample_time};
use crate::failure::{internal, not_media};
use crate::inbox::{Block, Picture, Put};
use crate::leader;

/// An open file.
pub(crate) struct File {
    path: PathBuf,
    at_end: AtEnd,
    roles: Roles,
    decoder: Option<Decoder>,
}

/// Why a stream of the file is over.
enum Over {
    /// Its end was reached, at this time of the file.
    AtEnd(Duration),
    /// The run is over.
    Run,
    /// It cannot be read on.
    Failed(Failure),
}

impl File {
    /// Opens a file for those of the `wanted` roles that it holds.
    pub(crate) fn open(path: &Path, at_end: AtEnd, wanted: Roles) -> Result<Self, Failure> {
        let decoder = Decoder::open(path, wanted)?;
        Ok(Self { path: path.to_owned(), at_end, roles: decoder.roles(), decoder: Some(decoder) })
    }

    /// Plays the file once from `base` on, while the next turn is opened; returns its length and the next turn.
    fn turn(&self, decoder: &mut Decoder, base: Duration, outlet: &Outlet, time: &Timebase) -> Turn {
        let (sound, picture) = decoder.streams();
        std::thread::scope(|scope| {
            let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
            // Two threads: a slow picture never holds the sound up.
            let pictures = named("file-picture")
                .spawn_scoped(scope, move || picture.map(|stream| play_picture(stream, base, outlet, time)))
                .map_err(internal)?;
            let next = named("file-next")
                .spawn_scoped(scope, || {
                    (self.at_end == AtEnd::Loop).then(|| Decoder::open(&self.path, self.roles)).transpose()
                })
                .map_err(internal)?;
            let sound = sound.map(|stream| play_sound(stream, base, outlet, time));
            let pictures = pictures.join().map_err(|_| internal("reading pictures ended by a panic"))?;
            let next = next.join().map_err(|_| internal("opening the next turn ended by a panic"))?;
            let mut length = Duration::ZERO;
            for over in [sound, pictures].into_iter().flatten() {
                match over {
                    Over::AtEnd(end) => length = length.max(end),
                    Over::Run => return Ok(None),
                    Over::Failed(why) => return Err(why),
                }
            }
            if self.at_end == AtEnd::Loop && length.is_zero() {
                return Err(not_media(&self.path, "it is empty and cannot be looped"));
            }
            Ok(next?.map(|next| (length, next)))
        })
    }
}

/// The length of a turn and the next one; `None` when there is no next one.
type Turn = Result<Option<(Duration, Decoder)>, Failure>;

impl Source for File {
    fn roles(&self) -> Roles {
        self.roles
    }

    fn length(&self) -> Length {
        match self.at_end {
            AtEnd::Stop => Length::Finite,
            AtEnd::Loop => Length::Endless,
        }
    }

    fn run(mut self: Box<Self>, outlet: &Outlet, time: &Timebase) {
        let mut base = leader::length();
        while let Some(mut decoder) = self.decoder.take() {
            match self.turn(&mut decoder, base, outlet, time) {
                Ok(None) => return,
                Ok(Some((length, next))) => {
                    // Whole samples, so that the seam is exact.
                    base = sample_time(sample_at(base) + sample_at(length));
                    self.decoder = Some(next);
                }
                Err(why) => return outlet.failed(why),
            }
        }
    }
}

fn play_sound(stream: &mut Stream, base: Duration, outlet: &Outlet, time: &Timebase) -> Over {
    let base = sample_at(base);
    let mut end = 0;
    loop {
        let (at, stereo) = match stream.next_sound(|| outlet.is_over()) {
            Ok(Some(sound)) => sound,
            Ok(None) if outlet.is_over() => return Over::Run,
            Ok(None) => return Over::AtEnd(sample_time(end)),
            Err(why) => return Over::Failed(why),
        };
        let mut at_sample = at;
        for piece in stereo.chunks(BLOCK_FRAMES * 2) {
            let after = at_sample + u64::try_from(piece.len() / 2).unwrap_or(0);
            if time.wait_until(sample_time(base + after), outlet) {
                return Over::Run;
            }
            let block = Block { at_sample: base + at_sample, stereo: piece.to_vec(), filled: false };
            if outlet.sound(block) == Put::Over {
                return Over::Run;
            }
            at_sample = after;
        }
        end = end.max(at_sample);
    }
}

fn play_picture(stream: &mut Stream, base: Duration, outlet: &Outlet, time: &Timebase) -> Over {
    let mut end = Duration::ZERO;
    loop {
        let (at, length, buffer) = match stream.next_picture(|| outlet.is_over()) {
            Ok(Some(picture)) => picture,
            Ok(None) if outlet.is_over() => return Over::Run,
            Ok(None) => return Over::AtEnd(end),
            Err(why) => return Over::Failed(why),
        };
        if time.wait_until(base + at, outlet)
            || outlet.picture(Picture { at: base + at, buffer }) == Put::Over
        {
            return Over::Run;
        }
        end = end.max(at + length);
    }
}
