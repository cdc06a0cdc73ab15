//! The browser's WebGPU device, with nothing that it reports lost.
//!
//! burn's runtime panics on an error that no scope catches, and where it catches one in the browser it only logs
//! it and goes on with wrong numbers. So the device is requested here, and its error handler is ours: errors are
//! kept, and every call asks for them before it hands out a result.

use super::subgroups::asking_for_subgroups;
use crate::compute::gpu::register;
use crate::error::{Error, Result};
use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuSetup, wgpu};
use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

/// burn's device on WebGPU, and what it has reported. Cheap to clone.
#[derive(Clone)]
pub(super) struct Gpu {
    device: Device,
    handle: wgpu::Device,
    report: Arc<Mutex<Report>>,
}

/// What the browser has said about the device.
#[derive(Default)]
struct Report {
    /// Errors since the last look, in order.
    errors: Vec<String>,
    /// Why the device is gone.
    lost: Option<String>,
    /// Whether there has ever been an error: kernels that the browser refused stay refused.
    faulty: bool,
}

impl Report {
    fn of(report: &Mutex<Report>) -> std::sync::MutexGuard<'_, Report> {
        report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// All models of a page share one device; a faulty one is replaced at the next load.
    static CURRENT: RefCell<Option<Gpu>> = const { RefCell::new(None) };
}

impl Gpu {
    /// The page's device, requested at the first call and after a fault. `software`: whether the adapter is a processor, which
    /// WebGPU itself does not tell.
    pub(super) async fn get(software: bool) -> Result<Self> {
        let current = CURRENT.with(|current| current.borrow().clone());
        if let Some(gpu) = current
            && !Report::of(&gpu.report).faulty
        {
            return Ok(gpu);
        }
        let gpu = Self::request(software).await?;
        CURRENT.with(|current| current.replace(Some(gpu.clone())));
        Ok(gpu)
    }

    pub(super) fn device(&self) -> Device {
        self.device.clone()
    }

    async fn request(software: bool) -> Result<Self> {
        let unavailable = |problem: String| Error::WebGpuUnavailable { problem };
        let backend = wgpu::Backend::BrowserWebGpu;
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: backend.into(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                ..Default::default()
            })
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let descriptor = wgpu::DeviceDescriptor {
            // All that the adapter has: the default limits are those of small phones.
            required_features: adapter.features(),
            required_limits: adapter.limits(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let request = || adapter.request_device(&descriptor);
        // What else runs on the adapter is tested as well.
        let (subgroups, requested) = match software || cfg!(feature = "testing") {
            true => asking_for_subgroups(request),
            false => (false, request()),
        };
        let (handle, queue) = requested
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let quads = subgroups && adapter.get_info().subgroup_min_size >= 4;
        let setup = WgpuSetup {
            instance,
            adapter,
            device: handle.clone(),
            queue,
            backend,
        };
        let device = register(setup, software, quads)?;

        let report = Arc::new(Mutex::new(Report::default()));
        // After burn's runtime has put its own handler there, which would panic.
        let errors = report.clone();
        handle.on_uncaptured_error(Arc::new(move |error| {
            let mut report = Report::of(&errors);
            report.faulty = true;
            report.errors.push(error.to_string());
        }));
        let lost = report.clone();
        handle.set_device_lost_callback(move |reason, message| {
            let mut report = Report::of(&lost);
            report.faulty = true;
            report.lost = Some(format!("lost ({reason:?}): {message}"));
        });
        Ok(Self {
            device,
            handle,
            report,
        })
    }

    /// Waits until the device has looked at everything that was sent to it, and asks for what it reported.
    async fn settled(&self) -> Result<()> {
        // An empty scope closes after everything that was sent before it.
        let scope = self.handle.push_error_scope(wgpu::ErrorFilter::Validation);
        let _ = scope.pop().await;
        self.reported()
    }

    fn lost(&self) -> bool {
        Report::of(&self.report).lost.is_some()
    }

    /// Whether the device is gone or has refused something: models on it have to be loaded again, on a new one.
    pub(super) fn faulty(&self) -> bool {
        Report::of(&self.report).faulty
    }

    fn reported(&self) -> Result<()> {
        let mut report = Report::of(&self.report);
        let errors = std::mem::take(&mut report.errors);
        match (&report.lost, errors.len()) {
            (Some(lost), _) => Err(Error::device(lost)),
            (None, 0) => Ok(()),
            // Later errors follow from the first.
            (None, 1) => Err(Error::device(&errors[0])),
            (None, n) => Err(Error::device(format!(
                "{} (and {} more errors)",
                errors[0],
                n - 1
            ))),
        }
    }
}

/// Runs one call. What the device reports meanwhile is the call's error, whatever the call itself returns.
pub(super) async fn watched<T>(
    gpu: Option<&Gpu>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(gpu) = gpu else { return work.await };
    // What came between two calls belongs to none of them, but a lost device stays lost.
    if let Err(error) = gpu.reported()
        && gpu.lost()
    {
        return Err(error);
    }
    let result = work.await;
    gpu.settled().await?;
    result
}
