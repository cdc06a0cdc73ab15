//! What native tests of the library share: devices and loaded folders.

use burn::tensor::Device;
use pali3::compute::device::{DeviceKind, cpu, wgpu};
use pali3::formats::DirFolder;
use pali3::session::Session;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A device of the adapter that all tests share. Natively there may be none; the same bodies run in the browser, where there is.
pub fn adapter() -> Option<Device> {
    static ADAPTER: OnceLock<Option<Device>> = OnceLock::new();
    let open = || match wgpu() {
        Ok(device) => Some(device),
        Err(error) => {
            println!("no adapter here: {error}");
            None
        }
    };
    ADAPTER.get_or_init(open).clone()
}

/// The processor and, where there is one, the adapter.
pub fn devices() -> Vec<(Device, DeviceKind)> {
    let gpu = adapter().map(|device| (device, DeviceKind::Wgpu));
    std::iter::once((cpu(), DeviceKind::Cpu))
        .chain(gpu)
        .collect()
}

/// A path inside the repository.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The model of a folder of the repository, in the folder's own form.
pub fn load(folder: &str, device: &Device, kind: DeviceKind) -> Session {
    let folder = DirFolder::new(path(folder)).expect("the folder");
    pollster::block_on(pali3::testing::load(&folder, device, kind)).expect("the model")
}
