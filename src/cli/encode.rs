//! `pali3 encode`: what the model makes of a picture, as tensors in a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::output;
use super::progress::Progress;
use super::session::{self, ModelArgs, Timings};
use crate::error::{Error, Result};
use crate::formats::safetensors::{ElementType, TensorSpec, write_file};

/// Options of `pali3 encode`.
#[derive(Debug, Args)]
pub(super) struct EncodeArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Picture: PNG, JPEG, WebP, GIF or BMP
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// Question or task; with it the encoder runs as well
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// File to write: pixel_values, visual_tokens, projected_visual_tokens and, with a prompt,
    /// encoder_last_hidden_state
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Report<'a> {
    file: String,
    tensors: BTreeMap<&'a str, TensorReport<'a>>,
    timings_ms: Value,
    device: &'a str,
}

#[derive(Serialize)]
struct TensorReport<'a> {
    dtype: &'a str,
    shape: &'a [usize],
}

/// A tensor on the host: name, shape, values.
type HostTensor = (&'static str, Vec<usize>, Vec<f32>);

/// Runs the command.
pub(super) async fn encode(args: &EncodeArgs) -> Result<()> {
    let mut timings = Timings::start();
    // Before the work rather than after it.
    if let Some(parent) = args.out.parent()
        && !parent.as_os_str().is_empty()
        && !parent.is_dir()
    {
        return Err(Error::NotFound {
            file: parent.display().to_string(),
        });
    }
    let image = session::read_image(&args.image)?;
    let model = session::load_for(&args.model, true).await?;
    timings.stage("load");
    let spinner = Progress::spinner("encoding the picture");
    let pixel_values = model.preprocess(&image)?;
    let shape = vec![1, 3, pixel_values.height, pixel_values.width];
    let pixels = pixel_values.data.clone();
    timings.stage("preprocess");
    let image = model.encode_pixels(pixel_values).await?;
    let (visual_shape, visual) = image.visual_tokens().await?;
    let (projected_shape, projected) = image.projected_visual_tokens().await?;
    timings.stage("image");
    let mut tensors: Vec<HostTensor> = vec![
        ("pixel_values", shape, pixels),
        ("visual_tokens", visual_shape, visual),
        ("projected_visual_tokens", projected_shape, projected),
    ];
    if let Some(prompt) = &args.prompt {
        let (shape, values) = model
            .encoder_last_hidden_state(std::slice::from_ref(&image), prompt)
            .await?;
        tensors.push(("encoder_last_hidden_state", shape, values));
        timings.stage("encoder");
    }
    drop(spinner);
    write(&args.out, &tensors)?;
    timings.stage("write");
    if args.model.json {
        let tensors = tensors
            .iter()
            .map(|(name, shape, _)| {
                (
                    *name,
                    TensorReport {
                        dtype: "F32",
                        shape,
                    },
                )
            })
            .collect();
        return output::json(&Report {
            file: args.out.display().to_string(),
            tensors,
            timings_ms: timings.finish(),
            device: model.device_kind().name(),
        });
    }
    let mut lines = String::new();
    for (name, shape, _) in &tensors {
        lines.push_str(&format!("{name}  F32 {shape:?}\n"));
    }
    output::text(&lines)
}

/// As F32.
fn write(path: &std::path::Path, tensors: &[HostTensor]) -> Result<()> {
    let stored = tensors.iter().map(|(name, shape, values)| {
        let spec = TensorSpec {
            name: name.to_string(),
            dtype: ElementType::F32,
            shape: shape.clone(),
        };
        (spec, ElementType::F32.encode(values))
    });
    write_file(path, &stored.collect::<Vec<_>>(), &[])
}
