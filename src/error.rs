//! What can go wrong, in types that carry the names and numbers needed to put it right.

/// Result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate. Its message alone should be enough to fix the problem;
/// [`Error::code`] is the stable word that programs (and the JavaScript classes) go by.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A file that the model folder must have is not there.
    #[error("{file}: not found")]
    NotFound {
        /// Path or URL of the file.
        file: String,
    },
    /// A file is there but could not be read or written.
    #[error("{file}: {problem}")]
    Io {
        /// Path or URL of the file.
        file: String,
        /// The system's own words.
        problem: String,
    },
    /// A request failed or was cut short.
    #[error("{url}: {problem}")]
    Network {
        /// Address asked for.
        url: String,
        /// HTTP status or the browser's words.
        problem: String,
    },
    /// The bytes of a file are not what its format says: truncated, overlapping, not JSON.
    #[error("{file}: {problem}")]
    Corrupt {
        /// Path or URL of the file.
        file: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// A configuration names a model, a key or a value that this crate does not run.
    #[error("{file}: {key} is {found}, expected {expected}")]
    UnsupportedModel {
        /// Configuration file.
        file: String,
        /// Key inside it, with dots.
        key: String,
        /// What would have been accepted.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// Tensors that the configuration calls for are in none of the files.
    #[error("{file}: {} missing: {}", count(tensors, "tensor"), list(tensors))]
    MissingTensors {
        /// File or folder that was searched.
        file: String,
        /// `name [shape]` of each.
        tensors: Vec<String>,
    },
    /// Tensors in the file that the configuration has no place for.
    #[error("{file}: {} left over: {}", count(tensors, "tensor"), list(tensors))]
    LeftoverTensors {
        /// File that holds them.
        file: String,
        /// Their names.
        tensors: Vec<String>,
    },
    /// A tensor has another shape than the configuration gives it.
    #[error("{file}: {tensor}: expected shape {expected:?}, found {found:?}")]
    TensorShape {
        /// File that holds it.
        file: String,
        /// Name of the tensor in the file.
        tensor: String,
        /// Shape by the configuration.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A tensor's element type is not one that can be read.
    #[error("{file}: {tensor}: expected F32, F16 or BF16, found {found}")]
    TensorDtype {
        /// File that holds it.
        file: String,
        /// Name of the tensor in the file.
        tensor: String,
        /// Its type, in safetensors' words.
        found: String,
    },
    /// What the caller passed in (picture, prompt, target) cannot be used.
    #[error("{what}: {problem}")]
    InvalidInput {
        /// `image`, `prompt`, `target`, …
        what: String,
        /// Expected and found.
        problem: String,
    },
    /// An option is unknown or out of its range.
    #[error("option {option}: {problem}")]
    InvalidOption {
        /// Name of the option as the caller wrote it.
        option: String,
        /// Expected and found, with the nearest known name for an unknown one.
        problem: String,
    },
    /// No WebGPU adapter, or none that can hold this model.
    #[error("WebGPU is not available: {problem}")]
    WebGpuUnavailable {
        /// The adapter's or browser's words.
        problem: String,
    },
    /// The device reported an error or went away while working.
    #[error("device: {problem}")]
    Device {
        /// The driver's words.
        problem: String,
    },
    /// The model's numbers are not finite: its weights or its input lead to NaN or infinity. The device is well.
    #[error("{problem}")]
    NotFinite {
        /// What is not finite, and how much of it.
        problem: String,
    },
    /// The caller's `AbortSignal` fired.
    #[error("aborted by the caller")]
    Aborted,
}

impl Error {
    /// Stable name of the kind of error; the `code` of the JavaScript errors.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotFound { .. } => "NotFound",
            Error::Io { .. } => "Io",
            Error::Network { .. } => "Network",
            Error::Corrupt { .. } => "Integrity",
            Error::UnsupportedModel { .. }
            | Error::MissingTensors { .. }
            | Error::LeftoverTensors { .. }
            | Error::TensorShape { .. }
            | Error::TensorDtype { .. } => "UnsupportedModel",
            Error::InvalidInput { .. } => "InvalidInput",
            Error::InvalidOption { .. } => "InvalidOption",
            Error::WebGpuUnavailable { .. } => "WebGPUUnavailable",
            Error::Device { .. } => "DeviceLost",
            Error::NotFinite { .. } => "NotFinite",
            Error::Aborted => "Aborted",
        }
    }

    /// [`Error::InvalidInput`] from anything that prints.
    pub fn input(what: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Error::InvalidInput {
            what: what.into(),
            problem: problem.to_string(),
        }
    }

    /// [`Error::InvalidOption`] from anything that prints.
    pub fn option(option: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Error::InvalidOption {
            option: option.into(),
            problem: problem.to_string(),
        }
    }

    /// [`Error::Corrupt`] from anything that prints.
    pub fn corrupt(file: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Error::Corrupt {
            file: file.into(),
            problem: problem.to_string(),
        }
    }

    /// [`Error::NotFinite`] for the numbers that a model gives: `what` they are, with the verb.
    pub fn not_finite(what: impl std::fmt::Display) -> Self {
        Error::NotFinite {
            problem: format!(
                "{what} not finite: the model's weights or its input lead to NaN or infinity"
            ),
        }
    }

    /// [`Error::Device`] from anything that prints.
    pub fn device(problem: impl std::fmt::Display) -> Self {
        Error::Device {
            problem: problem.to_string(),
        }
    }
}

fn count(items: &[String], noun: &str) -> String {
    match items.len() {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

/// The first few names are enough to see what is wrong; hundreds would hide it.
fn list(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = items[..items.len().min(SHOWN)].join(", ");
    if items.len() > SHOWN {
        text.push_str(&format!(" and {} more", items.len() - SHOWN));
    }
    text
}
