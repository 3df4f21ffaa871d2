//! Capture as its users see it: orders in, reports out, and what ffmpeg makes of the parts.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod card;
#[cfg(test)]
mod carriers;
#[cfg(test)]
mod device;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod exports;
#[cfg(test)]
mod files;
#[cfg(test)]
mod rtsp;
#[cfg(test)]
mod support;
