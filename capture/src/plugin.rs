//! GStreamer, set up once, and its elements by name.
//!
//! A missing element becomes a sentence that names the package to install; it must never become a panic.

use std::sync::OnceLock;

use gst::glib;
use model::wire::v1::Failure;

use crate::failure::{internal, missing_plugin};

/// Which Debian package has which element; whatever is not listed comes with the base plugins.
const PACKAGES: [(&str, &[&str]); 4] = [
    (
        "gstreamer1.0-plugins-good",
        &[
            "aacparse",
            "deinterlace",
            "videoflip",
            "v4l2src",
            "rtspsrc",
            "mp4mux",
            "qtdemux",
            "wavparse",
            "matroskademux",
        ],
    ),
    ("gstreamer1.0-plugins-bad", &["h264parse", "openh264enc", "voaacenc"]),
    ("gstreamer1.0-plugins-ugly", &["x264enc"]),
    ("gstreamer1.0-libav", &["avenc_aac"]),
];

/// Sets GStreamer up; later calls do nothing.
pub(crate) fn init() -> Result<(), Failure> {
    static ONCE: OnceLock<Result<(), String>> = OnceLock::new();
    ONCE.get_or_init(|| {
        gst::init().map_err(|why| why.to_string())?;
        gstfmp4::plugin_register_static().map_err(|why| why.to_string())
    })
    .clone()
    .map_err(|why| internal(format_args!("GStreamer does not start ({why})")))
}

/// Returns whether an element is installed.
pub(crate) fn exists(element: &str) -> bool {
    gst::ElementFactory::find(element).is_some()
}

/// Builds an element with its properties.
pub(crate) fn make(element: &str, properties: &[(&str, &str)]) -> Result<gst::Element, Failure> {
    if !exists(element) {
        return Err(missing_plugin(&format!("the element `{element}`"), package_of(element)));
    }
    let mut builder = gst::ElementFactory::make(element);
    for (name, value) in properties {
        builder = builder.property_from_str(name, value);
    }
    builder.build().map_err(|why: glib::BoolError| internal(format_args!("element {element}: {why}")))
}

/// Returns the package that holds an element.
pub(crate) fn package_of(element: &str) -> &'static str {
    PACKAGES
        .iter()
        .find(|(_, elements)| elements.contains(&element))
        .map_or("gstreamer1.0-plugins-base", |(package, _)| *package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_names_its_package() {
        init().unwrap();
        assert_eq!(package_of("x264enc"), "gstreamer1.0-plugins-ugly");
        let failure = make("no-such-element", &[]).unwrap_err();
        assert!(failure.message.contains("apt install gstreamer1.0-plugins-base"), "{}", failure.message);
    }
}
