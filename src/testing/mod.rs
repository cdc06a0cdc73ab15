//! Test bodies that run natively and in the browser: each compares with recorded values of the reference and says how
//! far off it was. The caller brings the fixture files and judges the reports.

mod fixture;
pub mod kernels;
pub mod models;
pub mod preprocessing;

use crate::compute::device::DeviceKind;
use crate::error::{Error, Result};
use crate::formats::ModelFolder;
use crate::session::{Load, LoadOptions, Session};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// Reads a fixture file by its name inside the fixture folder.
pub type Read<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>>;

/// A folder's model in the folder's own form.
///
/// # Errors
/// As [`Session::load`].
pub async fn load(folder: &impl ModelFolder, device: &Device, kind: DeviceKind) -> Result<Session> {
    Session::load(Load {
        folder,
        device,
        kind,
        options: &LoadOptions::default(),
        progress: &mut |_| (),
    })
    .await
}

/// One comparison with the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was compared.
    pub name: String,
    /// The largest absolute difference; infinite when the shapes differ.
    pub max_abs_error: f64,
    /// The largest one allowed.
    pub tolerance: f64,
}

impl Check {
    /// Compares values one by one. A NaN, or another number of values, is infinitely far off.
    pub fn values<T: Copy + Into<f64>>(
        name: impl Into<String>,
        found: &[T],
        expected: &[T],
        tolerance: f64,
    ) -> Self {
        let mut max_abs_error: f64 = if found.len() == expected.len() {
            0.0
        } else {
            f64::INFINITY
        };
        for (&found, &expected) in found.iter().zip(expected) {
            let error = (found.into() - expected.into()).abs();
            max_abs_error = max_abs_error.max(if error.is_nan() { f64::INFINITY } else { error });
        }
        Check {
            name: name.into(),
            max_abs_error,
            tolerance,
        }
    }

    /// Compares things that are equal or not: 0 or infinity.
    pub fn equal<T: PartialEq>(name: impl Into<String>, found: &T, expected: &T) -> Self {
        let max_abs_error = if found == expected {
            0.0
        } else {
            f64::INFINITY
        };
        Check {
            name: name.into(),
            max_abs_error,
            tolerance: 0.0,
        }
    }

    /// Whether the difference is within the tolerance.
    pub fn passed(&self) -> bool {
        self.max_abs_error <= self.tolerance
    }
}

/// Fails with the names and numbers of the checks that did not pass, and when there was nothing to check.
///
/// # Errors
/// [`Error::InvalidInput`] listing them.
pub fn all_passed(checks: &[Check]) -> Result<()> {
    if checks.is_empty() {
        return Err(Error::input("fixtures", "nothing was compared"));
    }
    let failed: Vec<String> = checks
        .iter()
        .filter(|check| !check.passed())
        .map(|c| {
            format!(
                "{}: off by {:e}, allowed {:e}",
                c.name, c.max_abs_error, c.tolerance
            )
        })
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "{} of {} checks failed: {}",
        failed.len(),
        checks.len(),
        failed.join("; ")
    );
    Err(Error::input("fixtures", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_seen() {
        assert!(Check::values("same", &[1.0f32], &[1.0], 0.0).passed());
        assert!(!Check::values("off", &[1.0f32], &[1.1], 0.01).passed());
        assert!(!Check::values("short", &[1.0f32], &[1.0, 2.0], 9.0).passed());
        assert!(!Check::values("not a number", &[f32::NAN], &[f32::NAN], 9.0).passed());
        assert!(!Check::equal("ids", &[1, 2], &[1, 3]).passed());
        assert!(all_passed(&[]).is_err());
    }
}
