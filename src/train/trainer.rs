//! The training loop.

use super::adamw::AdamW;
use super::batch::{Batch, BatchShape, load_tokenizer, prefetch};
use super::checkpoint::{self, CHECKPOINT, Checkpoint, Progress};
use super::curve::{Curve, Point};
use super::evaluate::{Accuracy, evaluate};
use super::network::{Network, scalar};
use super::recipe::Recipe;
use crate::error::{Error, Result};
use crate::models::Pali3Model;
use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, Tensor};
use std::path::Path;
use std::time::Instant;

/// What a run tells while it goes.
pub enum Event<'a> {
    /// A step is done; `progress` runs from 0 to 1.
    Step {
        /// Steps done.
        step: usize,
        /// Share of the schedule that is over.
        progress: f64,
        /// The loss that was followed downhill.
        loss: f32,
    },
    /// A point of the curve is taken.
    Point(&'a Point),
}

/// A run: the network, the optimizer and how far they have come.
pub struct Trainer {
    progress: Progress,
    network: Network,
    optimizer: AdamW,
    device: Device,
}

/// Steps between two points of the curve.
const POINT_EVERY: usize = 50;

impl Trainer {
    /// A run that has not begun.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], see [`Recipe::validate`].
    pub fn new(recipe: Recipe) -> Result<Self> {
        recipe.validate()?;
        let device = Device::flex().autodiff();
        let network = Network::new(&recipe.config, recipe.seed, &device);
        let optimizer = AdamW::new(recipe.weight_decay, recipe.max_gradient_norm);
        let curve = Curve::default();
        let progress = Progress {
            recipe,
            step: 0,
            seconds: 0.0,
            curve,
        };
        Ok(Self {
            progress,
            network,
            optimizer,
            device,
        })
    }

    /// The run that left its checkpoint in a folder.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Corrupt`] or others of the checkpoint file.
    pub fn resume(folder: &Path) -> Result<Self> {
        let checkpoint = Checkpoint::read(&folder.join(CHECKPOINT))?;
        let mut trainer = Self::new(checkpoint.progress.recipe.clone())?;
        let network = trainer.network.clone();
        trainer.network = checkpoint.restore(network, &mut trainer.optimizer, &trainer.device)?;
        trainer.progress = checkpoint.progress;
        Ok(trainer)
    }

    /// What the run is made of.
    pub fn recipe(&self) -> &Recipe {
        &self.progress.recipe
    }

    /// A resumed run may be given more or fewer steps and another time budget.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], see [`Recipe::validate`].
    pub fn reschedule(&mut self, steps: Option<usize>, minutes: Option<f64>) -> Result<()> {
        let schedule = &mut self.progress.recipe.schedule;
        schedule.steps = steps.unwrap_or(schedule.steps);
        schedule.minutes = minutes.or(schedule.minutes);
        self.progress.recipe.validate()
    }

    /// Steps done.
    pub fn step(&self) -> usize {
        self.progress.step
    }

    /// Minutes spent on them.
    pub fn minutes(&self) -> f64 {
        self.progress.seconds / 60.0
    }

    /// The learning curve so far.
    pub fn curve(&self) -> &Curve {
        &self.progress.curve
    }

    /// The model as it is now, without what only training needs.
    pub fn model(&self) -> Pali3Model {
        self.network.valid().pali3
    }

    /// Parameters of the model, without the patch head.
    pub fn parameters(&self) -> usize {
        self.network.pali3.num_params()
    }

    /// Whether the schedule is over.
    pub fn is_done(&self) -> bool {
        let Progress {
            recipe,
            step,
            seconds,
            ..
        } = &self.progress;
        recipe.schedule.progress(*step, *seconds) >= 1.0
    }

    /// Writes the checkpoint into a folder.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Device`].
    pub fn save(&self, folder: &Path) -> Result<()> {
        checkpoint::save(
            &folder.join(CHECKPOINT),
            &self.network,
            &self.optimizer,
            &self.progress,
        )
    }

    /// Rounds the weights to F16, as the model folder stores them: what is measured then is what is written.
    pub fn round_weights(&mut self) {
        self.network = self.network.clone().map(&mut RoundToF16);
    }

    /// Accuracy on held-out scenes.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub fn evaluate(&self, scenes: usize) -> Result<Accuracy> {
        let device = self.device.clone().inner();
        // Four questions about a scene, one of each type where it has them, whatever the run trains with.
        let shape = BatchShape {
            scenes: scenes.clamp(1, 50),
            questions: 4,
            ..self.recipe().batch_shape()
        };
        evaluate(
            &self.network.valid(),
            &load_tokenizer()?,
            shape,
            scenes,
            &device,
        )
    }

    /// Trains until the schedule is over or `last_step` is done, with checkpoints into `folder`, and tells about it.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for the loss or a gradient, and the errors of [`Trainer::save`].
    pub fn run(
        &mut self,
        folder: &Path,
        last_step: usize,
        tell: &mut dyn FnMut(Event),
    ) -> Result<()> {
        let shape = self.recipe().batch_shape();
        let batches = prefetch(shape, self.recipe().seed, self.step());
        let mut means = Means::default();
        while !self.is_done() && self.step() < last_step {
            let start = Instant::now();
            let batch = batches
                .recv()
                .map_err(|_| Error::device("the thread that draws scenes has died"))??;
            let (patch_loss, answer_loss) = self.learn(&batch, shape)?;
            means.add(patch_loss, answer_loss);
            self.progress.step += 1;
            self.progress.seconds += start.elapsed().as_secs_f64();
            let schedule = &self.progress.recipe.schedule;
            let (step, seconds) = (self.progress.step, self.progress.seconds);
            let loss = answer_loss.unwrap_or(patch_loss);
            tell(Event::Step {
                step,
                progress: schedule.progress(step, seconds),
                loss,
            });
            let evaluates = step % self.recipe().evaluate_every == 0 || self.is_done();
            if evaluates || step % POINT_EVERY == 0 {
                self.take_point(std::mem::take(&mut means), evaluates)?;
                if let Some(point) = self.curve().points.last() {
                    tell(Event::Point(point));
                }
            }
            if evaluates {
                self.save(folder)?;
            }
        }
        Ok(())
    }

    /// One step: the losses of the patches and of the answers.
    fn learn(&mut self, batch: &Batch, shape: BatchShape) -> Result<(f32, Option<f32>)> {
        let Progress {
            recipe,
            step,
            seconds,
            ..
        } = &self.progress;
        let losses = self
            .network
            .losses(batch, shape, recipe.schedule.asks(*step), &self.device);
        let weighted = losses.patches.clone().mul_scalar(recipe.patch_loss_weight);
        let total = match &losses.answers {
            Some(answers) => answers.clone() + weighted,
            None => weighted,
        };
        let patch_loss = scalar(losses.patches.inner())?;
        let answer_loss = losses
            .answers
            .map(|loss| scalar(loss.inner()))
            .transpose()?;
        if !(patch_loss + answer_loss.unwrap_or(0.0)).is_finite() {
            let problem =
                format!("the loss is not finite at step {step}; try a lower learning rate");
            return Err(Error::NotFinite { problem });
        }
        // On one thread: burn's autodiff sweeps over the graphs of all threads after each backward pass, which made
        // two half batches at once several times slower than one whole.
        let gradients = GradientsParams::from_grads(total.backward(), &self.network);
        let learning_rate = recipe.schedule.learning_rate(*step, *seconds);
        // The optimizer takes the network and gives it back changed.
        self.network = self
            .optimizer
            .step(self.network.clone(), gradients, learning_rate)?;
        Ok((patch_loss, answer_loss))
    }

    fn take_point(&mut self, means: Means, evaluates: bool) -> Result<()> {
        let asks = means.answers.count > 0;
        let scenes = self.recipe().evaluation_scenes;
        // Before the questions begin there is nothing to measure.
        let accuracy = if evaluates && asks {
            Some(self.evaluate(scenes)?)
        } else {
            None
        };
        let Progress {
            recipe,
            step,
            seconds,
            ..
        } = &self.progress;
        let point = Point {
            step: *step,
            minutes: self.minutes(),
            learning_rate: recipe
                .schedule
                .learning_rate(step.saturating_sub(1), *seconds),
            patch_loss: means.patches.value(),
            answer_loss: asks.then(|| means.answers.value()),
            accuracy: accuracy.as_ref().map(Point::accuracy_of),
        };
        self.progress.curve.points.push(point);
        Ok(())
    }
}

struct RoundToF16;

impl ModuleMapper for RoundToF16 {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let rounded = tensor.inner().cast(FloatDType::F16).cast(FloatDType::F32);
        Param::from_mapped_value(id, Tensor::from_inner(rounded).require_grad(), mapper)
    }
}

#[derive(Default)]
struct Mean {
    sum: f32,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.sum += value;
        self.count += 1;
    }

    fn value(&self) -> f32 {
        self.sum / self.count.max(1) as f32
    }
}

/// Of the losses since the last point.
#[derive(Default)]
struct Means {
    patches: Mean,
    answers: Mean,
}

impl Means {
    fn add(&mut self, patch_loss: f32, answer_loss: Option<f32>) {
        self.patches.add(patch_loss);
        if let Some(loss) = answer_loss {
            self.answers.add(loss);
        }
    }
}
