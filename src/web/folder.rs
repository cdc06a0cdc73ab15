//! A model folder whose files JavaScript fetches.

use super::values::words;
use crate::error::{Error, Result};
use crate::formats::ModelFolder;
use js_sys::Uint8Array;
use std::cell::RefCell;
use std::ops::Range;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `StreamedFolder` of `pkg/lib/source/stream.js`, or anything with the same methods. Bytes that it gives are given
    /// away: their buffer is emptied once they are copied.
    pub type FileReader;

    #[wasm_bindgen(method, catch)]
    fn describe(this: &FileReader, file: &str) -> std::result::Result<String, JsValue>;

    /// `Uint8Array`, or `null` where there is no such file.
    #[wasm_bindgen(method, catch)]
    async fn read(this: &FileReader, file: &str) -> std::result::Result<JsValue, JsValue>;

    /// Bytes, or `null` where there is no such file.
    #[wasm_bindgen(method, catch)]
    async fn size(this: &FileReader, file: &str) -> std::result::Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = readRange)]
    async fn read_range(
        this: &FileReader,
        file: &str,
        start: f64,
        end: f64,
    ) -> std::result::Result<JsValue, JsValue>;
}

/// [`ModelFolder`] over a JavaScript reader.
pub(super) struct JsFolder {
    reader: FileReader,
    /// What the reader threw. It goes back to JavaScript as it is, with its own type, code and cause.
    thrown: RefCell<Option<JsValue>>,
}

impl JsFolder {
    pub(super) fn new(reader: FileReader) -> Self {
        Self {
            reader,
            thrown: RefCell::new(None),
        }
    }

    /// What the reader threw, if it did.
    pub(super) fn thrown(&self) -> Option<JsValue> {
        self.thrown.take()
    }

    /// Keeps the exception; the error only carries the failure up to where [`Self::thrown`] is asked for.
    fn fail(&self, file: &str, thrown: JsValue) -> Error {
        let problem = words(&thrown);
        self.thrown.replace(Some(thrown));
        Error::Network {
            url: self.describe(file),
            problem,
        }
    }

    fn bytes(&self, file: &str, value: JsValue) -> Result<Vec<u8>> {
        let bytes: Uint8Array = value.dyn_into().map_err(|other| {
            Error::input(
                self.describe(file),
                format!("expected a Uint8Array, found {other:?}"),
            )
        })?;
        let copy = bytes.to_vec();
        // Else it would wait for JavaScript's collector, as it does in browsers without `transfer`.
        let _ = bytes.buffer().transfer_with_length(0);
        Ok(copy)
    }
}

impl ModelFolder for JsFolder {
    fn describe(&self, file: &str) -> String {
        self.reader
            .describe(file)
            .unwrap_or_else(|_| file.to_string())
    }

    async fn read(&self, file: &str) -> Result<Option<Vec<u8>>> {
        let value = self
            .reader
            .read(file)
            .await
            .map_err(|thrown| self.fail(file, thrown))?;
        if value.is_null() || value.is_undefined() {
            return Ok(None);
        }
        self.bytes(file, value).map(Some)
    }

    async fn size(&self, file: &str) -> Result<Option<u64>> {
        let value = self
            .reader
            .size(file)
            .await
            .map_err(|thrown| self.fail(file, thrown))?;
        if value.is_null() || value.is_undefined() {
            return Ok(None);
        }
        match value.as_f64() {
            Some(size) if size >= 0.0 && size.fract() == 0.0 => Ok(Some(size as u64)),
            _ => Err(Error::input(
                self.describe(file),
                format!("expected its size in bytes, found {value:?}"),
            )),
        }
    }

    async fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>> {
        // Offsets are exact up to 2^53 bytes.
        let value = self
            .reader
            .read_range(file, range.start as f64, range.end as f64)
            .await
            .map_err(|thrown| self.fail(file, thrown))?;
        let bytes = self.bytes(file, value)?;
        let expected = range.end - range.start;
        if bytes.len() as u64 != expected {
            let problem = format!(
                "asked for {expected} bytes at {}, {} came",
                range.start,
                bytes.len()
            );
            return Err(Error::corrupt(self.describe(file), problem));
        }
        Ok(bytes)
    }
}
