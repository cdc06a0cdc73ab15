//! Subgroups, a feature of browsers' that wgpu has no name for there (wgpu 30).

use js_sys::{Array, Function, Object, Proxy, Reflect, global};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

const METHOD: &str = "requestDevice";
const FEATURE: &str = "subgroups";

/// Calls `request`, which asks an adapter for a device, and adds to what it asks for where the adapter has it. Whether the
/// device will have it, and what `request` has returned.
pub(super) fn asking_for_subgroups<T>(request: impl FnOnce() -> T) -> (bool, T) {
    let asked = Rc::new(Cell::new(false));
    let Ok((prototype, method)) = original() else {
        return (false, request());
    };
    let found = asked.clone();
    let apply = move |method: Function, adapter: JsValue, arguments: Array| {
        found.set(add_to(&arguments.get(0), &adapter).unwrap_or(false));
        method.apply(&adapter, &arguments)
    };
    let apply = Closure::<dyn Fn(Function, JsValue, Array) -> Result<JsValue, JsValue>>::new(apply);
    let handler = Object::new();
    // Setting a plain object's property cannot fail, nor giving a method back its place.
    let _ = Reflect::set(&handler, &"apply".into(), apply.as_ref());
    let _ = Reflect::set(&prototype, &METHOD.into(), &Proxy::new(&method, &handler));
    let requested = request();
    let _ = Reflect::set(&prototype, &METHOD.into(), &method);
    (asked.get(), requested)
}

/// The adapters' prototype and its method.
fn original() -> Result<(JsValue, Function), JsValue> {
    let class = Reflect::get(&global(), &"GPUAdapter".into())?;
    let prototype = Reflect::get(&class, &"prototype".into())?;
    let method = Reflect::get(&prototype, &METHOD.into())?.dyn_into()?;
    Ok((prototype, method))
}

/// Adds the feature to a device's descriptor, if the adapter has it.
fn add_to(descriptor: &JsValue, adapter: &JsValue) -> Result<bool, JsValue> {
    let features = Reflect::get(adapter, &"features".into())?;
    let has: Function = Reflect::get(&features, &"has".into())?.dyn_into()?;
    if !has.call1(&features, &FEATURE.into())?.is_truthy() {
        return Ok(false);
    }
    let wanted: Array = Reflect::get(descriptor, &"requiredFeatures".into())?.dyn_into()?;
    wanted.push(&FEATURE.into());
    Ok(true)
}
