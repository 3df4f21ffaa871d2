//! EBU Tech 3341 cases 1 to 6 and 9 to 19 and Tech 3342 cases 1 to 4, made in code. Cases 7 and 8 of the first and
//! 5 and 6 of the second are recordings that cannot be made; 20 to 23 have no published recipe.

use super::*;

const RATE_HZ: u32 = 48_000;

/// A stretch of a 1 kHz tone: peak level of each channel in dBFS, length in seconds.
type Tone<'a> = (&'a [f64], f64);

const SILENT: &[f64] = &[f64::NEG_INFINITY; 2];

/// Renders tones one after another with a running phase.
fn render(tones: &[Tone<'_>]) -> Vec<f32> {
    let mut phase = 0u32;
    let mut samples = Vec::new();
    for (channels_db, seconds) in tones {
        let amplitudes: Vec<f64> = channels_db.iter().map(|level_db| num::amplitude(*level_db)).collect();
        for _ in 0..num::frames(*seconds, RATE_HZ) {
            let value = (std::f64::consts::TAU * 1_000.0 * f64::from(phase) / f64::from(RATE_HZ)).sin();
            samples.extend(amplitudes.iter().map(|amplitude| num::narrow(amplitude * value)));
            phase = (phase + 1) % RATE_HZ;
        }
    }
    samples
}

fn stereo(levels: &[(f64, f64)]) -> Vec<f32> {
    let pairs: Vec<([f64; 2], f64)> =
        levels.iter().map(|(level_db, seconds)| ([*level_db; 2], *seconds)).collect();
    render(&pairs.iter().map(|(pair, seconds)| (pair.as_slice(), *seconds)).collect::<Vec<_>>())
}

fn measure(channels: usize, samples: &[f32]) -> Reading {
    let mut meter = Meter::new(channels, RATE_HZ).unwrap();
    meter.push(samples);
    meter.reading()
}

#[track_caller]
fn check(what: &str, measured: Option<f32>, expected: f32, tolerance: f32) {
    let measured = measured.unwrap_or(f32::NAN);
    assert!(
        (measured - expected).abs() <= tolerance,
        "{what}: {measured}, expected {expected} within {tolerance}"
    );
}

#[test]
fn tech_3341_cases_1_and_2_all_three_readings_of_a_steady_tone_agree() {
    for level in [-23.0f32, -33.0] {
        let reading = measure(2, &stereo(&[(f64::from(level), 20.0)]));
        check("M", reading.momentary_lufs, level, 0.1);
        check("S", reading.short_term_lufs, level, 0.1);
        check("I", reading.integrated_lufs, level, 0.1);
    }
}

#[test]
fn tech_3341_cases_3_to_5_integrated_loudness_is_gated() {
    let third = stereo(&[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)]);
    let fourth = stereo(&[(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)]);
    let fifth = stereo(&[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)]);
    for (case, samples) in [(3, third), (4, fourth), (5, fifth)] {
        check(&format!("I of case {case}"), measure(2, &samples).integrated_lufs, -23.0, 0.1);
    }
}

#[test]
fn tech_3341_case_6_channels_are_weighted_and_lfe_is_not_heard() {
    let five: &[f64] = &[-28.0, -28.0, -24.0, -30.0, -30.0];
    let six: &[f64] = &[-28.0, -28.0, -24.0, f64::NEG_INFINITY, -30.0, -30.0];
    let rumbling: &[f64] = &[-28.0, -28.0, -24.0, -6.0, -30.0, -30.0];
    for channels in [five, six, rumbling] {
        check("I", measure(channels.len(), &render(&[(channels, 20.0)])).integrated_lufs, -23.0, 0.1);
    }
}

/// Pushes 10 ms at a time and calls back with the time in blocks.
fn hop(samples: &[f32], mut each: impl FnMut(usize, &Meter)) {
    let mut meter = Meter::new(2, RATE_HZ).unwrap();
    for (block, piece) in samples.chunks(960).enumerate() {
        meter.push(piece);
        each(block + 1, &meter);
    }
}

#[test]
fn tech_3341_case_9_short_term_is_steady_over_its_window() {
    let samples = stereo(&[(-20.0, 1.34), (-30.0, 1.66)].repeat(5));
    hop(&samples, |block, meter| {
        if block >= 300 {
            check("S", meter.short_term_lufs(), -23.0, 0.1);
        }
    });
}

#[test]
fn tech_3341_case_12_momentary_is_steady_over_its_window() {
    let samples = stereo(&[(-20.0, 0.18), (-30.0, 0.22)].repeat(25));
    hop(&samples, |block, meter| {
        if block >= 100 {
            check("M", meter.momentary_lufs(), -23.0, 0.1);
        }
    });
}

#[test]
fn tech_3341_cases_10_and_13_maxima_do_not_depend_on_when_the_tone_starts() {
    for i in 0..20u8 {
        let late_s = f64::from(i);
        let short = render(&[(SILENT, late_s * 0.15), (&[-23.0, -23.0], 3.0), (SILENT, 1.0)]);
        check("max S", measure(2, &short).short_term_max_lufs, -23.0, 0.1);
        let momentary = render(&[(SILENT, late_s * 0.02), (&[-23.0, -23.0], 0.4), (SILENT, 1.0)]);
        check("max M", measure(2, &momentary).momentary_max_lufs, -23.0, 0.1);
    }
}

/// Twenty stretches with a rising tone in each, live: the greatest reading of every stretch.
fn live(stretch_s: f64, tone_s: f64, late_s: f64, read: impl Fn(&Meter) -> Option<f32>) {
    let blocks = num::frames(stretch_s, 100);
    let mut samples = Vec::new();
    for i in 0..20u8 {
        let level = [f64::from(i) - 38.0; 2];
        let before_s = late_s * f64::from(i);
        samples.extend(render(&[
            (SILENT, before_s),
            (&level, tone_s),
            (SILENT, stretch_s - tone_s - before_s),
        ]));
    }
    let mut greatest = [f32::NEG_INFINITY; 20];
    hop(&samples, |block, meter| {
        let stretch = &mut greatest[(block - 1) / blocks];
        *stretch = stretch.max(read(meter).unwrap_or(f32::NEG_INFINITY));
    });
    for (i, measured) in (0u8..).zip(greatest) {
        check(&format!("stretch {i}"), Some(measured), f32::from(i) - 38.0, 0.1);
    }
}

#[test]
fn tech_3341_case_11_live_maxima_of_short_term() {
    live(6.0, 3.0, 0.15, Meter::short_term_lufs);
}

#[test]
fn tech_3341_case_14_live_maxima_of_momentary() {
    live(0.8, 0.4, 0.02, Meter::momentary_lufs);
}

/// A tone at a fraction of the sampling rate with a fade of 100 ms at both ends.
fn tone(divisor: f64, phase_degrees: f64, amplitude: f64) -> Vec<f32> {
    let fade = num::frames(0.1, RATE_HZ);
    let frames = num::frames(1.0, RATE_HZ);
    (0..frames)
        .flat_map(|n| {
            let edge = num::factor(n.min(frames - 1 - n).min(fade)) / num::factor(fade);
            let angle = std::f64::consts::TAU * num::factor(n) / divisor + phase_degrees.to_radians();
            [num::narrow(angle.sin() * amplitude * edge); 2]
        })
        .collect()
}

#[test]
fn tech_3341_cases_15_to_19_true_peak_is_found_between_samples() {
    let cases = [
        (15, 4.0, 0.0, 0.5, -6.0),
        (16, 4.0, 45.0, 0.5, -6.0),
        (17, 6.0, 60.0, 0.5, -6.0),
        (18, 8.0, 67.5, 0.5, -6.0),
        (19, 4.0, 45.0, 1.41, 3.0),
    ];
    for (case, divisor, phase, amplitude, expected) in cases {
        let measured = measure(2, &tone(divisor, phase, amplitude)).true_peak_dbtp.unwrap();
        assert!((expected - 0.4..=expected + 0.2).contains(&measured), "case {case}: {measured} dBTP");
    }
}

#[test]
fn tech_3342_cases_1_to_4_loudness_range() {
    let cases: [(&[(f64, f64)], f32); 4] = [
        (&[(-20.0, 20.0), (-30.0, 20.0)], 10.0),
        (&[(-20.0, 20.0), (-15.0, 20.0)], 5.0),
        (&[(-40.0, 20.0), (-20.0, 20.0)], 20.0),
        (&[(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15.0),
    ];
    for (levels, expected) in cases {
        check("LRA", measure(2, &stereo(levels)).range_lu, expected, 1.0);
    }
}

#[test]
fn bs_2217_tones_read_the_same_at_every_frequency() {
    let tones =
        [(25.0, -11.871), (100.0, -21.171), (500.0, -22.371), (2_000.0, -25.371), (10_000.0, -26.371)];
    for (tone_hz, level_db) in tones {
        let step = std::f64::consts::TAU * tone_hz / f64::from(RATE_HZ);
        let amplitude = num::amplitude(level_db);
        let samples: Vec<f32> = (0..RATE_HZ * 10)
            .flat_map(|n| [num::narrow((step * f64::from(n)).sin() * amplitude); 2])
            .collect();
        check(&format!("{tone_hz} Hz"), measure(2, &samples).integrated_lufs, -23.0, 0.1);
    }
}

#[test]
fn pieces_of_any_size_give_the_same_reading() {
    let samples = stereo(&[(-20.0, 1.34), (-30.0, 1.66)].repeat(2));
    let whole = measure(2, &samples);
    for piece in [2, 74, 960, 10_002] {
        let mut meter = Meter::new(2, RATE_HZ).unwrap();
        samples.chunks(piece).for_each(|piece| meter.push(piece));
        assert_eq!(meter.reading(), whole, "pieces of {piece}");
    }
}

#[test]
fn silence_and_nonsense_have_no_reading_and_do_no_harm() {
    let mut meter = Meter::new(2, RATE_HZ).unwrap();
    meter.push(&vec![f32::NAN; 96_000 * 4]);
    assert_eq!(meter.reading(), Reading::default());
    meter.push(&stereo(&[(-23.0, 5.0)]));
    check("M", meter.momentary_lufs(), -23.0, 0.1);
}

#[test]
fn a_restart_forgets_maxima_but_not_the_windows() {
    let mut meter = Meter::new(2, RATE_HZ).unwrap();
    meter.push(&stereo(&[(-10.0, 4.0)]));
    meter.restart();
    assert_eq!(meter.reading().integrated_lufs, None);
    check("M", meter.momentary_lufs(), -10.0, 0.1);
}
