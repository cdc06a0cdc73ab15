//! What every command with a model begins with: its arguments, the loaded model, the picture, the clock.

use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::progress::Progress;
use crate::compute::device::{self, DeviceKind};
use crate::error::{Error, Result};
use crate::files;
use crate::formats::{DirFolder, ModelFolder};
use crate::image::RgbImage;
use crate::image::decode::decode;
use crate::models::{Capability, registry};
use crate::session::folder::read_config;
use crate::session::{EncodedImage, Load, LoadOptions, Session};

/// Which device computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DeviceChoice {
    /// The graphics card where there is one, else the processor
    Auto,
    /// The processor
    Cpu,
    /// The graphics card, through Vulkan, Metal or DirectX
    Wgpu,
}

/// Options that every command with a model has.
#[derive(Debug, Clone, Args)]
pub(super) struct ModelArgs {
    /// Model folder: config.json, tokenizer.json, model.safetensors …
    #[arg(long, value_name = "DIR")]
    pub(super) model: PathBuf,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    pub(super) device: DeviceChoice,
    /// Form of the matrices on the device: f32, q8, q4, or one for each part as in vision=q8,text=q4; auto takes the
    /// folder's own
    #[arg(long, value_name = "FORM", default_value = "auto")]
    pub(super) dtype: String,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub(super) json: bool,
}

/// What is asked, and about which pictures.
#[derive(Debug, Args)]
pub(super) struct QuestionArgs {
    /// Picture to ask about: PNG, JPEG, WebP, GIF or BMP; may be given several times, the order counts
    #[arg(long, value_name = "FILE")]
    pub(super) image: Vec<PathBuf>,
    /// Question or task; may be left out when there is a picture
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "image",
        allow_hyphen_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub(super) prompt: String,
}

impl QuestionArgs {
    /// The pictures, read before the model is: a wrong file name should not wait for the weights.
    pub(super) fn pictures(&self) -> Result<Vec<RgbImage>> {
        read_images(&self.image)
    }
}

/// Milliseconds that the stages took.
#[derive(Debug)]
pub(super) struct Timings {
    start: Instant,
    last: Instant,
    stages: Map<String, Value>,
}

impl Timings {
    /// Starts the clock.
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            stages: Map::new(),
        }
    }

    /// Notes the time since the last stage.
    pub(super) fn stage(&mut self, name: &str) {
        let now = Instant::now();
        let spent = now.duration_since(self.last);
        self.stages.insert(name.to_string(), milliseconds(spent));
        self.last = now;
    }

    /// The stages and their `total`.
    pub(super) fn finish(mut self) -> Value {
        let total = milliseconds(self.start.elapsed());
        self.stages.insert("total".to_string(), total);
        Value::Object(self.stages)
    }
}

/// To a hundredth: finer would be noise.
fn milliseconds(duration: std::time::Duration) -> Value {
    Value::from((duration.as_secs_f64() * 1e5).round() / 1e2)
}

/// The pictures in files.
///
/// # Errors
/// As [`read_image`].
pub(super) fn read_images(paths: &[PathBuf]) -> Result<Vec<RgbImage>> {
    paths.iter().map(|path| read_image(path)).collect()
}

/// The picture in a file.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Io`], [`Error::InvalidInput`].
pub(super) fn read_image(path: &std::path::Path) -> Result<RgbImage> {
    let bytes = files::read(path)?;
    decode(&bytes).map_err(|error| match error {
        // The decoder knows the bytes only; the caller knows them by the file's name.
        Error::InvalidInput { problem, .. } => Error::InvalidInput {
            what: path.display().to_string(),
            problem,
        },
        other => other,
    })
}

/// A loaded model that answers questions.
///
/// # Errors
/// Those of [`Session::load`]; [`Error::WebGpuUnavailable`] when `wgpu` was asked for and is not there.
pub(super) async fn load(args: &ModelArgs) -> Result<Session> {
    load_for(args, false).await
}

/// The same for questions about pictures, where there are any.
///
/// # Errors
/// As [`load`]; [`Error::UnsupportedModel`] when there are pictures and the model takes none.
pub(super) async fn load_for(args: &ModelArgs, pictures: bool) -> Result<Session> {
    match pictures {
        true => load_that(args, &[Capability::Generate, Capability::SeeImages]).await,
        false => load_that(args, &[Capability::Generate]).await,
    }
}

/// A loaded model that does all of that. One that does not is told so before its weights are read.
///
/// # Errors
/// As [`load`].
pub(super) async fn load_that(args: &ModelArgs, does: &[Capability]) -> Result<Session> {
    let folder = DirFolder::new(&args.model)?;
    let config = read_config(&folder).await?;
    for &capability in does {
        registry::require(&*config, capability, &folder.describe("config.json"))?;
    }
    let (device, kind) = open_device(args.device)?;
    let options = LoadOptions {
        dtype: Some(args.dtype.clone()),
        largest_buffer: None,
    };
    let bar = Progress::bytes("loading");
    Session::load(Load {
        folder: &folder,
        device: &device,
        kind,
        options: &options,
        progress: &mut |progress| bar.set(progress.loaded, progress.total),
    })
    .await
}

/// The pictures' visual tokens.
pub(super) async fn encode_images(
    model: &Session,
    images: &[RgbImage],
) -> Result<Vec<EncodedImage>> {
    let _spinner = (!images.is_empty()).then(|| Progress::spinner("encoding the picture"));
    let mut encoded = Vec::with_capacity(images.len());
    for image in images {
        encoded.push(model.encode_image(image).await?);
    }
    Ok(encoded)
}

/// Visual tokens of all pictures.
pub(super) fn visual_tokens(images: &[EncodedImage]) -> usize {
    images.iter().map(EncodedImage::len).sum()
}

/// Opens a device.
///
/// # Errors
/// [`Error::WebGpuUnavailable`] when `wgpu` was asked for and is not there.
pub(super) fn open_device(choice: DeviceChoice) -> Result<(Device, DeviceKind)> {
    let device = match choice {
        DeviceChoice::Cpu => device::open(DeviceKind::Cpu),
        DeviceChoice::Wgpu => device::open(DeviceKind::Wgpu),
        DeviceChoice::Auto => device::open_best(),
    }?;
    let kind = DeviceKind::of(&device);
    Ok((device, kind))
}
