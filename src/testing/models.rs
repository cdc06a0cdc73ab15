//! The model parts against HF transformers, at every named intermediate (`tests/reference/models.py`).

mod generate;
mod pipeline;

use super::fixture::{Fixture, Padding, Recorded, Reference, Variant};
use super::{Check, Read};
use crate::checkpoint::{Checkpoint, TensorNames, fill, slots};
use crate::compute::device::DeviceKind;
use crate::error::{Error, Result};
use crate::formats::json::parse_json;
use crate::formats::{Dtype, PartDtypes};
use crate::models::siglip::{SiglipConfig, SiglipVisionConfig};
use crate::models::t5::{T5Config, T5ModelConfig};
use crate::models::{
    AttentionMask, EncoderDecoder, Pali3Config, Pali3Model, SiglipModel, SiglipVisionModel,
    T5Model, pali3, siglip, t5,
};
use crate::nn::{Place, Trace};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::collections::{BTreeMap, BTreeSet};

/// All cases, by folder.
pub const CASES: &[&str] = &[
    "siglip-patch14",
    "siglip-patch16",
    "siglip-nonsquare",
    "siglip-two-towers",
    "t5-gated-gelu-untied",
    "t5-gated-silu-tied",
    "t5-relu-tied",
    "t5-padded",
    "mt5-prompts",
    "pali3-prepend",
    "pali3-tied-no-bias",
];

/// Largest absolute error allowed of an intermediate.
pub fn tolerance(kind: DeviceKind) -> f64 {
    match kind {
        DeviceKind::Cpu => 1e-4,
        DeviceKind::Wgpu => 2e-3,
    }
}

/// Loads a case's model on a device and compares intermediates, logits, ids and scores.
///
/// # Errors
/// When the fixture cannot be read or the device fails; differences are in the reports.
pub async fn run(
    case: &str,
    read: Read<'_>,
    device: &Device,
    kind: DeviceKind,
) -> Result<Vec<Check>> {
    let fixture = Fixture { case, read };
    let reference = fixture.reference()?;
    let tensors = fixture.tensors()?;
    let model = load(&fixture, &reference, device).await?;
    let mut run = Run {
        tensors: &tensors,
        device,
        tolerance: tolerance(kind),
        checks: vec![],
    };
    for variant in &reference.variants {
        let encoded = run.variant(&model, variant).await?;
        let generated = reference.generation.iter();
        for expected in generated.filter(|g| g.variant == variant.name) {
            let Some((hidden_states, mask)) = &encoded else {
                return Err(Error::input("fixture", "a tower does not generate"));
            };
            run.generate(&model, hidden_states, mask, expected).await?;
        }
    }
    let mut checks = run.checks;
    match reference.kind.as_str() {
        "pali3" => pipeline::answers(&fixture, &reference, device, kind, &mut checks).await?,
        "t5" if reference.variants.iter().any(|v| !v.prompts.is_empty()) => {
            pipeline::answers(&fixture, &reference, device, kind, &mut checks).await?;
        }
        "t5" => {
            pipeline::answers_in_ids(&fixture, &reference, &tensors, device, kind, &mut checks)
                .await?;
        }
        "siglip-two-towers" => {
            pipeline::similarities(&fixture, &reference, &tensors, device, kind, &mut checks)
                .await?;
        }
        _ => (),
    }
    Ok(checks)
}

enum Model {
    Vision(Box<SiglipVisionModel>),
    TwoTowers(Box<SiglipModel>),
    Text(Box<T5Model>, T5Config),
    Pali3(Box<Pali3Model>, T5Config),
}

impl Model {
    fn text(&self) -> Result<(&T5Model, &T5Config)> {
        match self {
            Model::Vision(_) | Model::TwoTowers(_) => {
                Err(Error::input("fixture", "a tower has no decoder"))
            }
            Model::Text(model, config) => Ok((model, config)),
            Model::Pali3(model, config) => Ok((&model.language_model, config)),
        }
    }
}

async fn load(fixture: &Fixture<'_>, reference: &Reference, device: &Device) -> Result<Model> {
    let file = format!("{}/config.json", fixture.case);
    let config = (fixture.read)(&file)?;
    match reference.kind.as_str() {
        "siglip" => {
            let config: SiglipVisionConfig = parse_json(&file, &config)?;
            config.validate(&file, "")?;
            let empty = |_: &Checkpoint| SiglipVisionModel::new(&config, &Place::dense(device));
            let model = weights(fixture, &siglip::names::VISION_NAMES, empty, device);
            Ok(Model::Vision(Box::new(model.await?)))
        }
        "siglip-two-towers" => {
            let config = SiglipConfig::from_json(&file, &config)?;
            let floats = PartDtypes::all(Dtype::F32);
            let empty = |_: &Checkpoint| SiglipModel::new(&config, &floats, device);
            let model = weights(fixture, &siglip::names::NAMES, empty, device);
            Ok(Model::TwoTowers(Box::new(model.await?)))
        }
        "t5" => {
            let config = T5ModelConfig::from_json(&file, &config)?.text_config;
            let empty = |checkpoint: &Checkpoint| {
                let separate_head = config.separate_head(checkpoint.has_head());
                T5Model::new(&config, separate_head, &Place::dense(device))
            };
            let model = weights(fixture, &t5::names::NAMES, empty, device);
            Ok(Model::Text(Box::new(model.await?), config))
        }
        "pali3" => {
            let config = Pali3Config::from_json(&file, &config)?;
            let floats = PartDtypes::all(Dtype::F32);
            let empty = |checkpoint: &Checkpoint| {
                let separate_head = config.text_config.separate_head(checkpoint.has_head());
                Pali3Model::new(&config, separate_head, &floats, device)
            };
            let model = weights(fixture, &pali3::names::NAMES, empty, device);
            Ok(Model::Pali3(Box::new(model.await?), config.text_config))
        }
        other => Err(Error::corrupt(fixture.case, format!("kind {other:?}"))),
    }
}

/// The model that `empty` makes for the case's checkpoint, filled.
async fn weights<M: Module>(
    fixture: &Fixture<'_>,
    names: &TensorNames,
    empty: impl FnOnce(&Checkpoint) -> M,
    device: &Device,
) -> Result<M> {
    let checkpoint = Checkpoint::open(fixture, names).await?;
    let model = empty(&checkpoint);
    let slots = slots(names, &model);
    let tensors = checkpoint
        .stream(fixture, &slots, device, None, &mut |_| ())
        .await?;
    Ok(fill(names, model, tensors))
}

/// Names of `reference.safetensors` that are inputs, or that follow from inputs alone, or are computed on the host.
const INPUTS: &[&str] = &[
    "pixel_values",
    "input_ids",
    "attention_mask",
    "decoder_input_ids",
    "encoder.attention_mask",
    "logits_per_image",
];

struct Run<'a> {
    tensors: &'a BTreeMap<String, Recorded>,
    device: &'a Device,
    tolerance: f64,
    checks: Vec<Check>,
}

type Encoded = Option<(Tensor<3>, AttentionMask)>;

impl Run<'_> {
    /// Runs one set of inputs and compares every recorded intermediate of it.
    async fn variant(&mut self, model: &Model, variant: &Variant) -> Result<Encoded> {
        let prefix = match variant.name.as_str() {
            "" => String::new(),
            name => format!("{name}/"),
        };
        let names = self.tensors.keys();
        let recorded: BTreeSet<String> = names
            .filter_map(|name| name.strip_prefix(&prefix).map(str::to_string))
            .collect();
        let trace = Trace::only(move |name| recorded.contains(name));
        let encoded = self.forward(model, &prefix, &trace)?;
        let found: BTreeMap<String, TensorData> = trace.into_data().await?.into_iter().collect();
        for (name, recorded) in self.tensors {
            let Some(local) = name.strip_prefix(&prefix) else {
                continue;
            };
            if local.contains('/') || INPUTS.contains(&local) {
                continue;
            }
            let Recorded::Float(shape, expected) = recorded else {
                return Err(Error::corrupt(name, "an intermediate has to be float"));
            };
            let check = match found.get(local) {
                Some(data) if data.shape().to_vec() == *shape => {
                    let found = data.clone().try_into_vec::<f32>().map_err(Error::device)?;
                    let (found, expected) = real(local, shape, &found, expected, &variant.padding);
                    Check::values(name, &found, &expected, self.tolerance)
                }
                Some(data) => Check::equal(
                    format!("{name}: shape {:?} against {shape:?}", data.shape()),
                    &1,
                    &0,
                ),
                None => Check::equal(format!("{name}: not computed"), &1, &0),
            };
            self.checks.push(check);
        }
        Ok(encoded)
    }

    fn forward(&self, model: &Model, prefix: &str, trace: &Trace) -> Result<Encoded> {
        match model {
            Model::Vision(model) => {
                let pixels = self
                    .pixels(prefix)?
                    .ok_or_else(|| missing("pixel_values"))?;
                let hidden_states = model.forward(pixels, trace);
                model.pool(hidden_states, trace);
                Ok(None)
            }
            Model::TwoTowers(model) => {
                let pixels = self.pixels(prefix)?;
                let pixels = pixels.ok_or_else(|| missing("pixel_values"))?;
                model.image_embeds(pixels, trace);
                model.text_embeds(self.ids(prefix, "input_ids")?, trace);
                Ok(None)
            }
            Model::Text(model, _) => {
                let (ids, mask) = (self.ids(prefix, "input_ids")?, self.mask(prefix)?);
                let (hidden_states, mask) = model.encode_prompts(None, ids, &mask, trace);
                self.decode(model, prefix, hidden_states, mask, trace)
            }
            Model::Pali3(model, _) => {
                let ids = self.ids(prefix, "input_ids")?;
                let rows = ids.dims()[0];
                let Pali3Model {
                    picture,
                    language_model,
                } = &**model;
                let projected = self.pixels(prefix)?.map(|pixels| {
                    let tokens = picture.project(picture.visual_tokens(pixels, trace), trace);
                    let [pictures, patches, width] = tokens.dims();
                    // Several pictures of one prompt stand one after the other.
                    tokens.reshape([rows, pictures / rows * patches, width])
                });
                let mask = self.mask(prefix)?;
                let (hidden_states, mask) =
                    language_model.encode_prompts(projected, ids, &mask, trace);
                self.decode(language_model, prefix, hidden_states, mask, trace)
            }
        }
    }

    fn decode(
        &self,
        model: &T5Model,
        prefix: &str,
        hidden_states: Tensor<3>,
        mask: AttentionMask,
        trace: &Trace,
    ) -> Result<Encoded> {
        let ids = self.ids(prefix, "decoder_input_ids")?;
        model.decode(ids, hidden_states.clone(), &mask, trace);
        Ok(Some((hidden_states, mask)))
    }

    fn pixels(&self, prefix: &str) -> Result<Option<Tensor<4>>> {
        match self.tensors.get(&format!("{prefix}pixel_values")) {
            None => Ok(None),
            Some(Recorded::Float(shape, values)) => {
                let data = TensorData::new(values.clone(), shape.clone());
                Ok(Some(Tensor::from_data(data, self.device)))
            }
            Some(Recorded::Int(..)) => Err(missing("pixel_values")),
        }
    }

    fn int(&self, prefix: &str, name: &str) -> Result<(&[usize], &[i64])> {
        match self.tensors.get(&format!("{prefix}{name}")) {
            Some(Recorded::Int(shape, values)) => Ok((shape, values)),
            _ => Err(missing(name)),
        }
    }

    fn ids(&self, prefix: &str, name: &str) -> Result<Tensor<2, Int>> {
        let (shape, values) = self.int(prefix, name)?;
        let values: Vec<i32> = values.iter().map(|&id| id as i32).collect();
        let data = TensorData::new(values, shape.to_vec());
        Ok(Tensor::from_data(data, self.device))
    }

    fn mask(&self, prefix: &str) -> Result<AttentionMask> {
        let (shape, values) = self.int(prefix, "attention_mask")?;
        let rows: Vec<Vec<bool>> = values
            .chunks(shape[1])
            .map(|row| row.iter().map(|&flag| flag != 0).collect())
            .collect();
        Ok(AttentionMask::new(&rows))
    }
}

fn missing(name: &str) -> Error {
    Error::input("fixture", format!("{name} is missing or of another type"))
}

/// The positions that count: encoder tensors `[batch, length, width]` without padding.
fn real(
    name: &str,
    shape: &[usize],
    found: &[f32],
    expected: &[f32],
    padding: &[Padding],
) -> (Vec<f32>, Vec<f32>) {
    if !name.starts_with("encoder.") || shape.len() != 3 || padding.is_empty() {
        return (found.to_vec(), expected.to_vec());
    }
    let width = shape[2];
    let counts = |index: usize| {
        let (row, position) = (index / shape[1], index % shape[1]);
        !padding
            .iter()
            .any(|p| p.row == row && (p.from..p.to).contains(&position))
    };
    let keep = |values: &[f32]| {
        let rows = values.chunks(width).enumerate();
        rows.filter(|(index, _)| counts(*index))
            .flat_map(|(_, row)| row.to_vec())
            .collect()
    };
    (keep(found), keep(expected))
}
