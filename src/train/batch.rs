//! Scenes to tensors' contents, on a thread of their own.

use crate::error::Result;
use crate::image::{ImageProcessor, Size};
use crate::models::siglip::SiglipVisionConfig;
use crate::scenes::tokenizer::{EOS, PAD, tokenizer_json};
use crate::scenes::{Asked, PICTURE_SIZE, Scene, Split};
use crate::tokenizer::Tokenizer;
use std::sync::mpsc::{Receiver, sync_channel};

/// The text side's tokenizer, made from the same JSON that is written into the model folder.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) if `tokenizers` does not take it.
pub(super) fn load_tokenizer() -> Result<Tokenizer> {
    Tokenizer::from_bytes("tokenizer.json", tokenizer_json().to_string().as_bytes())
}

/// What a batch is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchShape {
    /// Scenes in a batch.
    pub scenes: usize,
    /// Questions about each.
    pub questions: usize,
    /// Pixels to a side.
    pub image_size: usize,
    /// Pixels to a side of a patch.
    pub patch_size: usize,
}

impl BatchShape {
    pub fn new(scenes: usize, questions: usize, vision: &SiglipVisionConfig) -> Self {
        Self {
            scenes,
            questions,
            image_size: vision.image_size,
            patch_size: vision.patch_size,
        }
    }

    /// Patches to a side.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

/// Pictures, questions and answers, row-major, ready to become tensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    /// `[scenes, 3, size, size]`, from -1 to 1.
    pub pixel_values: Vec<f32>,
    /// `[scenes, patches, 3]`: class of colour, of shape (0 is background), and whether an object's centre is there.
    pub patch_labels: Vec<[i32; 3]>,
    /// `[scenes * questions, prompt_length]`, the questions of one scene behind each other.
    pub input_ids: Vec<i32>,
    /// Longest prompt of the batch; shorter ones are padded.
    pub prompt_length: usize,
    /// `[scenes * questions, answer_length]`: the answer's tokens, `</s>`, padding.
    pub labels: Vec<i32>,
    /// Longest answer of the batch, `</s>` counted.
    pub answer_length: usize,
    /// What was asked, for the evaluation.
    pub asked: Vec<(Asked, bool)>,
}

impl Batch {
    /// Batch `index` of a split: scenes `index * scenes` and on.
    pub fn make(
        tokenizer: &Tokenizer,
        shape: BatchShape,
        split: Split,
        seed: u64,
        index: u64,
    ) -> Result<Self> {
        let first = index * shape.scenes as u64;
        // As the preprocessor_config.json of the finished folder says.
        let preprocessor = ImageProcessor {
            size: Size::Exact {
                height: shape.image_size,
                width: shape.image_size,
            },
            ..Default::default()
        };
        let mut batch = Self {
            pixel_values: Vec::with_capacity(shape.scenes * 3 * shape.image_size.pow(2)),
            patch_labels: Vec::with_capacity(shape.scenes * shape.grid().pow(2)),
            input_ids: vec![],
            prompt_length: 0,
            labels: vec![],
            answer_length: 0,
            asked: Vec::with_capacity(shape.scenes * shape.questions),
        };
        for number in first..first + shape.scenes as u64 {
            let (scene, mut rng) = Scene::nth(split, seed, number);
            // Training draws at the model's size, which is quick. An evaluation scales a larger picture down, as a file is.
            let side = match split {
                Split::Train => shape.image_size,
                Split::HeldOut => PICTURE_SIZE,
            };
            let pixel_values = preprocessor.preprocess(&scene.draw(side))?;
            batch.pixel_values.extend(pixel_values.data);
            batch.patch_labels.extend(scene.patch_labels(shape.grid()));
            for asked in Asked::several(&mut rng, &scene, split, shape.questions) {
                let concerns_held_out = asked.question.concerns_held_out(&scene);
                batch.asked.push((asked, concerns_held_out));
            }
        }
        let texts = |text: fn(&Asked) -> &str| {
            let asked = batch.asked.iter();
            asked
                .map(|(asked, _)| tokenizer.encode(text(asked)))
                .collect::<Result<Vec<_>>>()
        };
        let (prompts, answers) = (texts(|a| &a.text)?, texts(|a| a.answer)?);
        (batch.input_ids, batch.prompt_length) = padded(&prompts);
        (batch.labels, batch.answer_length) = padded(&answers);
        debug_assert!(answers.iter().all(|ids| ids.last() == Some(&EOS)));
        Ok(batch)
    }
}

/// Rows filled up with [`PAD`] to the longest, and its length.
fn padded(rows: &[Vec<u32>]) -> (Vec<i32>, usize) {
    let length = rows.iter().map(Vec::len).max().unwrap_or(0);
    let fill = |row: &Vec<u32>| {
        let padding = std::iter::repeat_n(PAD, length - row.len());
        row.iter()
            .copied()
            .chain(padding)
            .map(|id| id as i32)
            .collect::<Vec<_>>()
    };
    (rows.iter().flat_map(fill).collect(), length)
}

/// Makes the training batches from `first_step` on, a few ahead of the one that is being learnt.
pub(super) fn prefetch(shape: BatchShape, seed: u64, first_step: usize) -> Receiver<Result<Batch>> {
    const AHEAD: usize = 4;
    let (sender, receiver) = sync_channel(AHEAD);
    std::thread::spawn(move || {
        let tokenizer = match load_tokenizer() {
            Ok(tokenizer) => tokenizer,
            Err(error) => return drop(sender.send(Err(error))),
        };
        for step in first_step as u64.. {
            let batch = Batch::make(&tokenizer, shape, Split::Train, seed, step);
            if sender.send(batch).is_err() {
                return; // the receiver is gone: the run is over
            }
        }
    });
    receiver
}
