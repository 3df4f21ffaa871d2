//! The promises of the normaliser on real speech with jumps of level: two voices, quiet and noisy rooms, pauses.

use anyhow::{Result, ensure};
use loudness::Settings;
use testkit::speech::{Bars, Clips, Plan, Programme, Room, clips, codec, score};

const TARGET_LUFS: f64 = -16.0;
const CEILING_DBTP: f64 = -1.9;

fn check(plan: &Plan, clips: &Clips) -> Result<score::Run> {
    let programme = Programme::make(plan, clips);
    let run = score::run(&programme, Settings::default())?;
    let bars = Bars { level_lu: score::ONE_LEVEL_LU, ..Bars::default() };
    let missed = run.score.missed(&bars, TARGET_LUFS, CEILING_DBTP);
    ensure!(missed.is_empty(), "seed {}: {missed:?} {:?}", plan.seed, run.score.levels);
    Ok(run)
}

fn mean(errors: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = errors.clone().count() as f64;
    errors.map(f64::abs).sum::<f64>() / count
}

#[test]
fn every_level_of_a_reader_comes_out_as_under_one_constant_gain() {
    let clips = Clips::librivox().unwrap().evened();
    let levels: Vec<_> = (0..4)
        .flat_map(|seed| [Plan::random(seed, 6), Plan::extreme(seed, 4)])
        .flat_map(|plan| check(&plan, &clips).unwrap().score.levels)
        .collect();
    let (ideal, target) =
        (mean(levels.iter().map(|l| l.error_lu)), mean(levels.iter().map(|l| l.off_target_lu)));
    assert!(ideal < 0.4 && target < 0.4, "mean {ideal:.2} LU from the ideal, {target:.2} LU from the target");
    let beyond = levels.iter().filter(|level| level.error_lu.abs() > Bars::default().level_lu).count();
    assert!(beyond * 20 <= levels.len(), "{beyond} of {} levels lie beyond the bar", levels.len());
}

#[test]
fn a_close_and_clipped_voice_is_as_good() {
    let clips = Clips::load(std::path::Path::new(clips::CARDS)).unwrap().evened();
    let levels: Vec<_> =
        (0..4).flat_map(|seed| check(&Plan::random(seed, 6), &clips).unwrap().score.levels).collect();
    assert!(mean(levels.iter().map(|level| level.error_lu)) < 0.5);
}

#[test]
fn noise_in_pauses_stays_down_in_quiet_and_noisy_rooms() {
    let clips = Clips::librivox().unwrap();
    for (seed, room) in [(10, Room::Fan(-60.0)), (11, Room::Fan(-47.0)), (12, Room::Knob(40.0))] {
        let run = check(&Plan::random(seed, 5).room(room).pause_s(6.0), &clips).unwrap();
        assert!(run.score.lift_db.unwrap() < 6.0);
    }
}

#[test]
fn decoded_aac_stays_below_minus_one_dbtp() {
    let clips = Clips::librivox().unwrap();
    let run = check(&Plan::extreme(1, 4), &clips).unwrap();
    let peak_dbtp = codec::aac_true_peak_dbtp(&run.output).unwrap();
    assert!(peak_dbtp <= -1.0, "{peak_dbtp:.2} dBTP");
}

#[test]
fn every_sample_is_there_and_in_its_place() {
    let clips = Clips::librivox().unwrap();
    let programme = Programme::make(&Plan::random(3, 3), &clips);
    let settings = Settings { high_pass: None, ..Settings::default() };
    let run = score::run(&programme, settings).unwrap();
    assert_eq!(run.output.len(), programme.samples.len());
    // Gain is positive and smooth: a sample that is well above silence keeps its sign only where it lies in its place.
    let loud = programme.samples.iter().zip(&run.output).filter(|(input, _)| input.abs() > 0.003);
    let (count, turned) = loud.fold((0, 0), |(count, turned), (input, output)| {
        (count + 1, turned + i32::from(input.is_sign_positive() != output.is_sign_positive()))
    });
    assert!(count > 100_000 && turned == 0, "{turned} of {count} samples are out of place");
}
