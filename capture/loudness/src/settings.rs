//! What a room may choose about its loudness. Every value is checked when it is made and never again.

use serde::{Deserialize, Serialize};

use crate::error::Error;

fn check(name: &'static str, unit: &'static str, value: f32, min: f32, max: f32) -> Result<f32, Error> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(Error::Setting { name, value, min, max, unit }) }
}

macro_rules! decibel_setting {
    ($type:ident, $name:literal, $unit:literal, $min:literal, $max:literal, $default:literal) => {
        impl $type {
            /// The least value allowed.
            pub const MIN: f32 = $min;
            /// The greatest value allowed.
            pub const MAX: f32 = $max;

            /// Returns the setting, or the range it is outside of.
            ///
            /// # Errors
            /// `Error::Setting` where the value is outside the range or not a number.
            pub fn new(value: f32) -> Result<Self, Error> {
                check($name, $unit, value, Self::MIN, Self::MAX).map(Self)
            }

            /// Returns the number, in the unit of the type.
            #[must_use]
            pub const fn get(self) -> f32 {
                self.0
            }
        }

        impl Default for $type {
            fn default() -> Self {
                Self($default)
            }
        }

        impl TryFrom<f32> for $type {
            type Error = Error;

            fn try_from(value: f32) -> Result<Self, Error> {
                Self::new(value)
            }
        }

        impl From<$type> for f32 {
            fn from(setting: $type) -> Self {
                setting.0
            }
        }
    };
}

/// The loudness speech is brought to, -24..=-14 LUFS. Default -16: the level phones are made for (AES TD1004).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Target(f32);

decibel_setting!(Target, "target", "LUFS", -24.0, -14.0, -16.0);

/// The true peak no sample passes, -9..=-1 dBTP. Default -2: a lossy codec adds up to 1 dB when it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Ceiling(f32);

decibel_setting!(Ceiling, "ceiling", "dBTP", -9.0, -1.0, -2.0);

/// How far ahead the gain sees, and so the delay of the normaliser, 3..=1000 ms. Default 5
/// (docs/decisions/loudness-look-ahead.md).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct LookAhead(f32);

decibel_setting!(LookAhead, "look_ahead", "ms", 3.0, 1000.0, 5.0);

/// The corner of the high-pass that takes out rumble and handling noise, 20..=300 Hz. Default 80.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct HighPass(f32);

decibel_setting!(HighPass, "high_pass", "Hz", 20.0, 300.0, 80.0);

/// All that can be set on a [`Normaliser`](crate::Normaliser).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Loudness of the output in LUFS.
    pub target: Target,
    /// Highest true peak of the output in dBTP.
    pub ceiling: Ceiling,
    /// Delay of the output in milliseconds.
    pub look_ahead: LookAhead,
    /// Corner frequency in Hz; `None` lets everything through.
    pub high_pass: Option<HighPass>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: Target::default(),
            ceiling: Ceiling::default(),
            look_ahead: LookAhead::default(),
            high_pass: Some(HighPass::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_outside_its_range_cannot_be_made() {
        for wrong in [-24.1, -13.9, f32::NAN, f32::INFINITY] {
            assert!(Target::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Target::new(-24.0).unwrap().get(), -24.0);
        assert!(LookAhead::new(2.0).is_err());
        assert!(HighPass::new(0.0).is_err());
    }

    #[test]
    fn the_error_says_what_is_allowed() {
        assert_eq!(
            Ceiling::new(0.0).unwrap_err().to_string(),
            "set ceiling to 0 dBTP: between -9 and -1 dBTP are allowed"
        );
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let settings = Settings::default();
        assert_eq!(settings.target.get(), -16.0);
        assert_eq!(settings.ceiling.get(), -2.0);
        assert_eq!(settings.high_pass.map(HighPass::get), Some(80.0));
    }
}
