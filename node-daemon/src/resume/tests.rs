use model::MonoTime;
use model::input::TestSignal;
use proptest::prelude::*;

use super::*;

const ANCHOR: WallTime = WallTime::from_unix_ms(1_790_000_000_000);

fn boot(digit: char) -> BootId {
    BootId::from_kernel(&format!("{digit}0000000-0000-4000-8000-000000000000"))
}

/// A run that began 10 s into its session, 100 s after boot `1`.
fn run() -> Run {
    Run {
        number: RunNumber(3),
        origin: MediaTime::from_millis(10_000),
        anchor: ANCHOR,
        mono: MonoTime::from_nanos(100_000_000_000),
        boot: boot('1'),
    }
}

fn moment(boot: BootId, mono_s: u64, wall: WallTime) -> Moment {
    Moment { mono: MonoTime::from_nanos(mono_s * 1_000_000_000), wall, boot }
}

fn check(run: &Run, end_ms: u64, now: Moment, origin_ms: u64) {
    assert_eq!(origin(run, MediaTime::from_millis(end_ms), now), MediaTime::from_millis(origin_ms));
}

#[test]
fn within_one_boot_no_step_of_the_wall_clock_moves_the_origin() {
    for wall_ms in [0, 1_790_000_060_000, 4_000_000_000_000] {
        check(&run(), 40_000, moment(boot('1'), 150, WallTime::from_unix_ms(wall_ms)), 60_000);
    }
}

#[test]
fn after_a_boot_the_wall_clock_tells_the_gap_if_it_can_be_believed() {
    check(&run(), 40_000, moment(boot('2'), 5, ANCHOR.after(Duration::from_secs(55))), 65_000);
}

#[test]
fn a_wall_clock_that_contradicts_the_media_is_not_believed() {
    let before_the_end = ANCHOR.after(Duration::from_secs(29));
    check(&run(), 40_010, moment(boot('2'), 5, before_the_end), 40_100);
    let unset = Run { anchor: WallTime::from_unix_ms(86_400_000), ..run() };
    check(&unset, 40_000, moment(boot('2'), 5, ANCHOR), 40_000);
    let unknown = Run { boot: BootId::UNKNOWN, ..run() };
    check(&unknown, 40_000, moment(BootId::UNKNOWN, 900, WallTime::from_unix_ms(0)), 40_000);
}

#[test]
fn a_session_goes_on_after_a_short_gap_from_the_same_sources() {
    let inputs = vec![Input::Test(TestSignal::Both)];
    let cut = Cut { last: Some(run()), end: MediaTime::from_millis(40_000), inputs: Some(inputs.clone()) };
    // Media ended at 40 s, which is 130 s after the boot.
    let at = |mono_s| moment(boot('1'), mono_s, ANCHOR);
    assert_eq!(decide(&cut, &inputs, at(131)), Verdict::GoOn(RunNumber(4)));
    assert_eq!(decide(&cut, &inputs, at(130 + 900)), Verdict::GoOn(RunNumber(4)));
    assert_eq!(decide(&cut, &inputs, at(130 + 901)), Verdict::End(Why::LongAgo));
    assert_eq!(decide(&cut, &[], at(131)), Verdict::End(Why::OtherSources));
    assert_eq!(decide(&cut, &[Input::Test(TestSignal::Audio)], at(131)), Verdict::End(Why::OtherSources));
    assert_eq!(decide(&Cut { inputs: None, ..cut.clone() }, &inputs, at(131)), Verdict::End(Why::NoNote));
    assert_eq!(decide(&Cut { last: None, ..cut }, &inputs, at(131)), Verdict::End(Why::Empty));
}

proptest! {
    #[test]
    fn an_origin_never_overlaps_media_and_is_always_whole(
        origin_ms in 0_u64..10_000_000, length_ns in 0_u64..1 << 44, mono in any::<u64>(), wall in any::<i64>(),
        anchor in any::<i64>(), same_boot: bool,
    ) {
        let run = Run { origin: MediaTime::from_millis(origin_ms), anchor: WallTime::from_unix_ms(anchor), ..run() };
        let end = run.origin.after(Duration::from_nanos(length_ns));
        let now = Moment {
            mono: MonoTime::from_nanos(mono),
            wall: WallTime::from_unix_ms(wall),
            boot: boot(if same_boot { '1' } else { '2' }),
        };
        let origin = super::origin(&run, end, now);
        prop_assert!(origin >= end);
        prop_assert!(super::mono_at_origin(&run, end, now).since(now.mono) < super::ORIGIN_STEP);
        // Only a monotonic clock near the end of its range can leave the last, incomplete step.
        prop_assert!(origin.as_nanos().is_multiple_of(100_000_000) || origin.as_nanos() == u64::MAX);
    }
}
