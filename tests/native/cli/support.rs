//! Running `pali3` and preparing folders for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a run of the binary left behind.
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Standard output of a run that must have succeeded.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stderr: {}", self.stderr);
        self.stdout
    }

    /// Its standard output as JSON.
    pub fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Asserts that it failed with exit code 1, said all of `words` on stderr, and did not panic.
    pub fn fails_with(self, words: &[&str]) {
        assert_eq!(
            self.code,
            Some(1),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        for word in words {
            assert!(
                self.stderr.contains(word),
                "no {word:?} in: {}",
                self.stderr
            );
        }
    }
}

/// Runs `pali3` with these arguments.
pub fn pali3<S: AsRef<str>>(arguments: &[S]) -> Finished {
    let output = Command::new(env!("CARGO_BIN_EXE_pali3"))
        .args(arguments.iter().map(AsRef::as_ref))
        .output()
        .expect("the binary starts");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `pali3 COMMAND --model FOLDER …more` on the processor.
pub fn with_model(command: &str, folder: &Path, more: &[&str]) -> Finished {
    let folder = folder.to_str().expect("a UTF-8 path");
    let fixed = [command, "--model", folder, "--device", "cpu"];
    pali3(&[&fixed, more].concat())
}

/// A folder of recorded reference values.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// An empty folder of its own for a test.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// A copy of a fixture's model, to be damaged.
pub fn copy_of(fixture_name: &str, name: &str) -> PathBuf {
    let folder = scratch(name);
    for entry in std::fs::read_dir(fixture(fixture_name)).expect("the fixture") {
        let entry = entry.expect("an entry");
        if !entry
            .file_name()
            .to_string_lossy()
            .starts_with("reference.")
        {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).expect("a copy");
        }
    }
    folder
}

/// Changes a JSON file in place.
pub fn edit_json(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&std::fs::read(path).expect("the file")).expect("JSON");
    change(&mut value);
    std::fs::write(path, value.to_string()).expect("written");
}

/// All tensors of a safetensors file, as (name, dtype, shape, bytes).
pub type Tensors = Vec<(String, safetensors::Dtype, Vec<usize>, Vec<u8>)>;

/// Reads a safetensors file.
pub fn read_tensors(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).expect("the file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            (
                name,
                view.dtype(),
                view.shape().to_vec(),
                view.data().to_vec(),
            )
        })
        .collect()
}

/// Writes a safetensors file.
pub fn write_tensors(path: &Path, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes).expect("a view");
        (name.as_str(), view)
    });
    let bytes = safetensors::serialize(views, None).expect("serialized");
    std::fs::write(path, bytes).expect("written");
}

/// One F32 tensor of a file: its shape and values.
pub fn f32_tensor(tensors: &Tensors, name: &str) -> (Vec<usize>, Vec<f32>) {
    let found = tensors.iter().find(|t| t.0 == name);
    let (_, dtype, shape, bytes) = found.unwrap_or_else(|| panic!("no tensor {name}"));
    assert_eq!(*dtype, safetensors::Dtype::F32, "{name}");
    let values = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&b| f32::from_le_bytes(b))
        .collect();
    (shape.clone(), values)
}

/// Asserts equality within `tolerance`.
pub fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found} instead of {expected}"
    );
}
