//! Devices to loudness to encoders to parts and segments.
