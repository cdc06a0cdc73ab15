//! The WebAssembly face, as the npm package's `index.js` uses it.
//!
//! Nothing here is meant to be called by hand: names, arguments and results fit the JavaScript in `pkg/lib`,
//! which checks what callers pass in. Errors cross as `{code, message}` objects.

mod folder;
mod generation;
#[cfg(feature = "webgpu")]
mod gpu;
#[cfg(not(feature = "webgpu"))]
#[path = "no_gpu.rs"]
mod gpu;
mod image;
mod load;
mod model;
#[cfg(feature = "webgpu")]
mod subgroups;
#[cfg(feature = "testing")]
mod testing;
mod values;

use js_sys::Function;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

thread_local! {
    static ON_PANIC: RefCell<Option<Function>> = const { RefCell::new(None) };
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Runs the constructors of the kernel compiler's registries, once, when the instance starts.
///
/// Unless somebody calls them, the linker has *every* call from JavaScript into the module run all of them again:
/// thousands, several times per kernel launch, which made WebGPU many times slower.
#[wasm_bindgen(start)]
fn construct() {
    // SAFETY: the linker's own function, called once, before any other code of the instance.
    unsafe { __wasm_call_ctors() }
}

/// Called once per instance. `on_panic` gets the message of a panic, after which the instance is lost:
/// a future that panics never settles, so that only this can tell the calls under way.
#[wasm_bindgen]
pub fn start(on_panic: Function) {
    ON_PANIC.with(|slot| slot.replace(Some(on_panic)));
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        let on_panic = ON_PANIC.with(|slot| slot.try_borrow().ok().and_then(|slot| slot.clone()));
        if let Some(on_panic) = on_panic {
            // There is nobody left to tell of a failure in here.
            let _ = on_panic.call1(&JsValue::NULL, &JsValue::from_str(&info.to_string()));
        }
    }));
}
