//! Values and errors on their way to JavaScript.

use crate::error::Error;
use crate::spelling::camel_case;
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsValue;

/// A plain object of the given fields.
pub(super) fn object<const N: usize>(fields: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a field of a fresh plain object cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &value);
    }
    object.into()
}

/// A plain array of numbers.
pub(super) fn numbers<T: Copy + Into<f64>>(values: &[T]) -> JsValue {
    let values = values.iter().map(|&value| JsValue::from_f64(value.into()));
    values.collect::<Array>().into()
}

/// `{code, message}`, of which `index.js` makes a `Pali3Error`.
pub(super) fn to_js(error: Error) -> JsValue {
    let code = JsValue::from_str(error.code());
    let message = match error {
        // JavaScript's callers know the option under its own spelling.
        Error::InvalidOption { option, problem } => Error::InvalidOption {
            option: camel_case(&option),
            problem,
        },
        other => other,
    }
    .to_string();
    object([("code", code), ("message", JsValue::from_str(&message))])
}

/// The words of whatever JavaScript has thrown.
pub(super) fn words(thrown: &JsValue) -> String {
    Reflect::get(thrown, &JsValue::from_str("message"))
        .ok()
        .and_then(|message| message.as_string())
        .unwrap_or_else(|| format!("{thrown:?}"))
}
