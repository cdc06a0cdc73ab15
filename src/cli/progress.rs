//! Progress on stderr; nothing when it is not a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over bytes, gone when dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar that waits for its first report.
    pub(super) fn bytes(message: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}");
        Self::start(style, message)
    }

    /// A bar over things that are counted.
    pub(super) fn count(message: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        Self::start(style, message)
    }

    /// A spinner, for work whose end is not known.
    pub(super) fn spinner(message: &'static str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
        Self::start(style, message)
    }

    fn start(
        style: std::result::Result<ProgressStyle, indicatif::style::TemplateError>,
        message: &'static str,
    ) -> Self {
        let bar = ProgressBar::no_length().with_message(message);
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// `done` of `total`.
    pub(super) fn set(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    /// Other words beside the spinner.
    pub(super) fn message(&self, message: String) {
        self.0.set_message(message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
