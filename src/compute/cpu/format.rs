//! The formats of quantized matrices as types.

use crate::formats::blocks::QuantFormat;

/// A format as a type: its branch must not stand in the inner loops.
pub(super) trait Format {
    const FORMAT: QuantFormat;
}

pub(super) struct Q8;
pub(super) struct Q4;

impl Format for Q8 {
    const FORMAT: QuantFormat = QuantFormat::Q8;
}

impl Format for Q4 {
    const FORMAT: QuantFormat = QuantFormat::Q4;
}
