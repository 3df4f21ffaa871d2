//! Init segments: which codec they name, and what is taken out of them.
//!
//! Two runs with the same settings have the same init segment to the byte: it is stored once, and their segments can be
//! joined.

use mp4_atom::{Atom, Codec, Moov};

use super::chunk::next_box;

/// Returns the first `moov` of an init segment (`ftyp` + `moov`); `None` when there is none.
pub(crate) fn moov(init: &[u8]) -> Result<Option<Moov>, mp4_atom::Error> {
    let mut rest = init;
    while !rest.is_empty() {
        let (kind, mut body) = next_box(&mut rest)?;
        if kind == Moov::KIND {
            return Moov::decode_body(&mut body).map(Some);
        }
    }
    Ok(None)
}

/// Returns the codec string of the only track of an init segment; `None` when it is another codec.
pub(crate) fn name(init: &[u8]) -> Option<String> {
    let moov = moov(init).ok()??;
    of_sample_entry(moov.trak.first()?.mdia.minf.stbl.stsd.codecs.first()?)
}

/// Takes out of an init segment what is not true of the track: the moment of its making, and the pre-skip of Opus.
///
/// Packets already stand where their sound was captured, so a player that skips more would play it early
/// (Encapsulation of Opus in ISOBMFF, 4.3.2).
pub(crate) fn tidied(mut init: Vec<u8>) -> Vec<u8> {
    for kind in [b"mvhd", b"tkhd", b"mdhd"] {
        // Version and flags, then creation and modification time of 4 or 8 bytes each.
        if let Some(body) = body_of(&mut init, kind)
            && let Some((version_and_flags, times)) = body.split_first_chunk_mut::<4>()
        {
            let length = if version_and_flags[0] == 1 { 16 } else { 8 };
            times.iter_mut().take(length).for_each(|byte| *byte = 0);
        }
    }
    // Version, channel count, then 16 bits of pre-skip.
    if let Some(pre_skip) = body_of(&mut init, b"dOps").and_then(|body| body.get_mut(2..4)) {
        pre_skip.fill(0);
    }
    init
}

/// Returns what follows the type of the first box of a kind. The kinds looked for cannot occur inside codec data
/// before their box.
fn body_of<'a>(init: &'a mut [u8], kind: &[u8; 4]) -> Option<&'a mut [u8]> {
    let at = init.windows(4).position(|window| window == kind)?;
    init.get_mut(at + 4..)
}

fn of_sample_entry(codec: &Codec) -> Option<String> {
    match codec {
        Codec::Avc1(entry) => {
            let avcc = &entry.avcc;
            Some(format!(
                "avc1.{:02x}{:02x}{:02x}",
                avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication
            ))
        }
        // Object type 0x40 is MPEG-4 audio; both encoders make AAC-LC, audio object type 2.
        Codec::Mp4a(_) => Some("mp4a.40.2".to_owned()),
        Codec::Opus(_) => Some("opus".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tidying_keeps_the_length_of_anything(garbage: Vec<u8>, at in 0_usize..40) {
            let mut bytes = garbage;
            bytes.splice(at.min(bytes.len()).., *b"mvhd\x01");
            prop_assert_eq!(tidied(bytes.clone()).len(), bytes.len());
        }

        #[test]
        fn garbage_has_no_codec(garbage: Vec<u8>) {
            prop_assert_eq!(name(&garbage), None);
        }
    }
}
