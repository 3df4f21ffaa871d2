//! The promises of the normaliser on made signals. On real speech it is judged in the workspace's own tests.

use proptest::prelude::*;

use super::*;
use crate::settings::{Ceiling, LookAhead, Target};

const RATE_HZ: u32 = 48_000;

fn noise(seed: u32, samples: usize, scale: f32) -> Vec<f32> {
    let mut state = seed;
    (0..samples)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0) * scale
        })
        .collect()
}

/// Syllables of noise, four in a second, whose loudness jumps every four seconds.
fn babble(channels: usize, rate_hz: u32, seconds: usize) -> Vec<f32> {
    let frames = num::frames(1.0, rate_hz) * seconds;
    let syllable = num::frames(0.25, rate_hz);
    let mut sound = noise(7, frames * channels, 1.0);
    for (n, frame) in sound.chunks_exact_mut(channels).enumerate() {
        let loud = if (n / num::frames(4.0, rate_hz)).is_multiple_of(2) { 0.05 } else { 0.6 };
        let voiced = if n % syllable < syllable * 6 / 10 { loud } else { loud * 0.02 };
        frame.iter_mut().for_each(|sample| *sample *= voiced);
    }
    sound
}

fn process_in(settings: Settings, sound: &[f32], mut piece_frames: impl FnMut() -> usize) -> Vec<f32> {
    let mut normaliser = Normaliser::new(settings, 2, RATE_HZ).unwrap();
    let mut out = sound.to_vec();
    let mut rest = out.as_mut_slice();
    while !rest.is_empty() {
        let (piece, later) = rest.split_at_mut(rest.len().min(piece_frames() * 2));
        normaliser.process(piece);
        rest = later;
    }
    normaliser.flush(&mut out);
    out
}

#[test]
fn every_frame_comes_out_once_and_late_by_the_stated_latency() {
    let settings = Settings { high_pass: None, ..Settings::default() };
    // Noise alone is not speech: gain stays at 0 dB and what comes out is what went in, sample by sample.
    let sound = noise(1, RATE_HZ as usize * 2 * 3, 0.02);
    let out = process_in(settings, &sound, || 441);
    let latency = Normaliser::new(settings, 2, RATE_HZ).unwrap().latency_frames() * 2;
    assert_eq!(out.len(), sound.len() + latency);
    assert!(out[..latency].iter().all(|sample| *sample == 0.0));
    assert_eq!(out[latency..], sound);
}

#[test]
fn latency_is_the_look_ahead_at_every_rate() {
    for rate_hz in [8_000, 16_000, 44_100, 48_000, 96_000, 192_000] {
        for look_ahead_ms in [3.0, 5.0, 50.0, 400.0] {
            let settings =
                Settings { look_ahead: LookAhead::new(look_ahead_ms).unwrap(), ..Settings::default() };
            let normaliser = Normaliser::new(settings, 1, rate_hz).unwrap();
            assert_eq!(normaliser.latency_frames(), num::frames(f64::from(look_ahead_ms) / 1000.0, rate_hz));
        }
    }
}

#[test]
fn speech_comes_to_the_target_under_the_ceiling_in_every_format() {
    for (channels, rate_hz) in [(1, 8_000), (1, 16_000), (2, 44_100), (2, 48_000), (6, 48_000), (8, 96_000)] {
        let mut normaliser = Normaliser::new(Settings::default(), channels, rate_hz).unwrap();
        let mut sound = babble(channels, rate_hz, 16);
        normaliser.process(&mut sound);
        let reading = normaliser.output();
        let (level_lufs, peak_dbtp) = (reading.integrated_lufs.unwrap(), reading.true_peak_dbtp.unwrap());
        assert!((level_lufs + 16.0).abs() < 1.5, "{channels} channels at {rate_hz} Hz: {level_lufs} LUFS");
        assert!(peak_dbtp < -1.9, "{channels} channels at {rate_hz} Hz: {peak_dbtp} dBTP");
    }
}

#[test]
fn target_and_ceiling_are_followed() {
    let (target, ceiling) = (Target::new(-24.0).unwrap(), Ceiling::new(-9.0).unwrap());
    let mut normaliser =
        Normaliser::new(Settings { target, ceiling, ..Settings::default() }, 2, RATE_HZ).unwrap();
    let mut sound = babble(2, RATE_HZ, 16);
    normaliser.process(&mut sound);
    let reading = normaliser.output();
    assert!((reading.integrated_lufs.unwrap() + 24.0).abs() < 1.5);
    assert!(reading.true_peak_dbtp.unwrap() < -8.9);
}

#[test]
fn harmful_samples_are_counted_and_gone_within_moments() {
    let mut normaliser = Normaliser::new(Settings::default(), 2, RATE_HZ).unwrap();
    let mut sound = babble(2, RATE_HZ, 12);
    for (n, wrong) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-40].into_iter().enumerate() {
        sound[n * 9_001 + 100_000] = wrong;
    }
    normaliser.process(&mut sound);
    assert_eq!(normaliser.state().harmful_samples, 4);
    assert!(sound.iter().all(|sample| sample.is_finite() && sample.abs() < 0.8));
    assert!(normaliser.state().gain_db.is_finite());
    assert!(normaliser.output().short_term_lufs.is_some());
}

#[test]
fn a_part_of_a_frame_is_silenced_and_does_not_shift_channels() {
    let mut normaliser = Normaliser::new(Settings::default(), 2, RATE_HZ).unwrap();
    let mut odd = vec![0.5; 961];
    normaliser.process(&mut odd);
    assert_eq!(odd[960], 0.0);
}

#[test]
fn a_summary_says_what_was_wrong_with_the_sound() {
    let mut normaliser = Normaliser::new(Settings::default(), 2, RATE_HZ).unwrap();
    let mut silence = vec![0.0; RATE_HZ as usize * 4];
    normaliser.process(&mut silence);
    let summary = normaliser.take_summary();
    assert!(summary.flags.silent && summary.flags.no_speech && !summary.flags.limited);
    assert_eq!((summary.integrated_lufs, summary.true_peak_dbtp), (None, None));

    let mut hot: Vec<f32> =
        babble(2, RATE_HZ, 8).iter().map(|sample| (sample * 9.0).clamp(-1.0, 1.0)).collect();
    normaliser.process(&mut hot);
    let summary = normaliser.take_summary();
    assert!(summary.flags.clipped_input);
    assert!(!summary.flags.silent && !summary.flags.no_speech);
    assert!(summary.integrated_lufs.is_some() && summary.momentary_max_lufs.is_some());

    let mut jump = babble(2, RATE_HZ, 8);
    normaliser.process(&mut jump);
    assert!(normaliser.take_summary().flags.limited);

    let mut fan = noise(3, RATE_HZ as usize * 8, 0.01);
    normaliser.process(&mut fan);
    normaliser.take_summary();
    let mut fan = noise(4, RATE_HZ as usize * 4, 0.01);
    normaliser.process(&mut fan);
    let summary = normaliser.take_summary();
    assert!(summary.flags.no_speech && !summary.flags.silent && !summary.flags.clipped_input);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_any_size_give_the_same_samples(sizes in prop::collection::vec(1usize..2_000, 1..20)) {
        let sound = babble(2, RATE_HZ, 6);
        let whole = process_in(Settings::default(), &sound, || usize::MAX / 4);
        let mut turn = sizes.iter().cycle();
        let pieces = process_in(Settings::default(), &sound, || *turn.next().unwrap());
        prop_assert!(whole == pieces);
    }

    #[test]
    fn no_input_makes_anything_but_numbers_below_the_ceiling(bits in prop::collection::vec(any::<u32>(), 200..4_000)) {
        let mut normaliser = Normaliser::new(Settings::default(), 2, RATE_HZ).unwrap();
        let mut sound: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        normaliser.process(&mut sound);
        prop_assert!(sound.iter().all(|sample| sample.abs() <= 0.795));
    }
}
