//! The model while it learns: PaLI-3 and a small head over the patches that the finished model does without.

use super::batch::{Batch, BatchShape};
use crate::error::{Error, Result};
use crate::formats::{Dtype, PartDtypes};
use crate::models::{AttentionMask, EncoderDecoder, Pali3Config, Pali3Model};
use crate::nn::{Linear, Place, Trace};
use crate::scenes::PATCH_CLASSES;
use crate::scenes::tokenizer::PAD;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData, activation::log_softmax};

/// PaLI-3 and the patch head.
#[derive(Module, Debug)]
pub(super) struct Network {
    pub pali3: Pali3Model,
    patch_head: Linear,
}

/// The two losses of a batch, each a mean in nats.
pub(super) struct Losses {
    /// Of the patch labels; the sum over colour, shape and centre.
    pub patches: Tensor<1>,
    /// Of the answers' tokens; `None` in the vision stage.
    pub answers: Option<Tensor<1>>,
}

impl Network {
    /// Random weights, the same for the same seed.
    pub fn new(config: &Pali3Config, seed: u64, device: &Device) -> Self {
        device.seed(seed);
        let hidden = config.vision_config.hidden_size;
        let classes = PATCH_CLASSES.iter().sum();
        let std = (hidden as f64).powf(-0.5);
        Self {
            pali3: Pali3Model::new(config, true, &PartDtypes::all(Dtype::F32), device),
            patch_head: Linear::new(hidden, classes, true, std, &Place::dense(device)),
        }
        .materialize()
    }

    /// The losses of a batch. The tower sees each picture once, however many questions are asked about it.
    pub fn losses(&self, batch: &Batch, shape: BatchShape, asks: bool, device: &Device) -> Losses {
        let visual_tokens = self.visual_tokens(batch, shape, device);
        let answers = asks.then(|| {
            let logits = self.answer_logits(visual_tokens.clone(), batch, shape, device);
            let classes = logits.dims()[2];
            let rows = batch.labels.len();
            let real: Vec<bool> = batch.labels.iter().map(|&id| id != PAD as i32).collect();
            let labels = int_tensor(batch.labels.clone(), [rows], device);
            cross_entropy(logits.reshape([rows, classes]), labels, Some(&real))
        });
        let patches = self.patch_loss(visual_tokens, batch, device);
        Losses { patches, answers }
    }

    /// `[scenes, patches, hidden]`
    pub fn visual_tokens(&self, batch: &Batch, shape: BatchShape, device: &Device) -> Tensor<3> {
        let size = [shape.scenes, 3, shape.image_size, shape.image_size];
        let pixel_values = TensorData::new(batch.pixel_values.clone(), size);
        let pixel_values = Tensor::from_data(pixel_values, device);
        self.pali3
            .picture
            .visual_tokens(pixel_values, &Trace::off())
    }

    /// Teacher forcing: `[scenes * questions, answer_length, vocab]`
    pub fn answer_logits(
        &self,
        visual_tokens: Tensor<3>,
        batch: &Batch,
        shape: BatchShape,
        device: &Device,
    ) -> Tensor<3> {
        let trace = Trace::off();
        let rows = shape.scenes * shape.questions;
        let projected = self.pali3.picture.project(visual_tokens, &trace);
        let [scenes, patches, d_model] = projected.dims();
        let projected = projected
            .reshape([scenes, 1, patches, d_model])
            .expand([scenes, shape.questions, patches, d_model])
            .reshape([rows, patches, d_model]);
        let mask: Vec<Vec<bool>> = batch
            .input_ids
            .chunks(batch.prompt_length)
            .map(|row| row.iter().map(|&id| id != PAD as i32).collect())
            .collect();
        let input_ids = int_tensor(batch.input_ids.clone(), [rows, batch.prompt_length], device);
        let (encoded, mask) = self.pali3.language_model.encode_prompts(
            Some(projected),
            input_ids,
            &AttentionMask::new(&mask),
            &trace,
        );
        // The decoder starts with the padding token, and then sees what it should have said.
        let decoder_input: Vec<i32> = batch
            .labels
            .chunks(batch.answer_length)
            .flat_map(|row| std::iter::once(PAD as i32).chain(row[..row.len() - 1].iter().copied()))
            .collect();
        let decoder_input = int_tensor(decoder_input, [rows, batch.answer_length], device);
        self.pali3
            .language_model
            .decode(decoder_input, encoded, &mask, &trace)
    }

    fn patch_loss(&self, visual_tokens: Tensor<3>, batch: &Batch, device: &Device) -> Tensor<1> {
        let [scenes, patches, hidden] = visual_tokens.dims();
        let rows = scenes * patches;
        let logits = self
            .patch_head
            .forward(visual_tokens.reshape([rows, hidden]));
        let mut first = 0;
        let losses = PATCH_CLASSES.iter().enumerate().map(|(kind, &classes)| {
            let of_kind = logits.clone().slice([0..rows, first..first + classes]);
            first += classes;
            let labels = batch.patch_labels.iter().map(|label| label[kind]).collect();
            cross_entropy(of_kind, int_tensor(labels, [rows], device), None)
        });
        // There are three kinds: the sum is never empty.
        losses
            .reduce(|sum, loss| sum + loss)
            .unwrap_or_else(|| Tensor::zeros([1], device))
    }
}

fn int_tensor<const D: usize>(
    values: Vec<i32>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Mean of `-ln p(label)` over the rows that `real` marks, or over all: `[rows, classes]`, `[rows]` → `[1]`.
fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>, real: Option<&[bool]>) -> Tensor<1> {
    let device = logits.device();
    let [rows, _] = logits.dims();
    let likelihoods = log_softmax(logits, 1).gather(1, labels.reshape([rows, 1]));
    match real {
        Some(real) => {
            let count = real.iter().filter(|&&is| is).count().max(1) as f32;
            let share = |&is: &bool| if is { 1.0 / count } else { 0.0 };
            let weights: Vec<f32> = real.iter().map(share).collect();
            let weights = Tensor::from_data(TensorData::new(weights, [rows, 1]), &device);
            (likelihoods * weights).sum().neg()
        }
        None => likelihoods.mean().neg(),
    }
}

/// The number in a tensor of one.
///
/// # Errors
/// [`Error::Device`] when the device fails.
pub(super) fn scalar(tensor: Tensor<1>) -> Result<f32> {
    let data = tensor.try_into_data().map_err(Error::device)?;
    let values = data.try_to_vec::<f32>().map_err(Error::device)?;
    values
        .first()
        .copied()
        .ok_or_else(|| Error::device("an empty tensor"))
}
