//! `pali3 compare`: how far one form of a model is from another, layer by layer and in what it says.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output;
use super::progress::Progress;
use super::session::{self, DeviceChoice, ModelArgs};
use crate::error::{Error, Result};
use crate::generation::GenerationOptions;
use crate::image::RgbImage;
use crate::scenes::{Asked, PICTURE_SIZE, Scene, Split};
use crate::session::Session;

/// The scenes that are asked about have a seed of their own, which no other evaluation uses.
const SEED: u64 = 314_159;
const QUESTIONS_A_SCENE: usize = 4;

/// Options of `pali3 compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// Model folder to compare with
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Model folder whose errors are measured against A
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Form of B's matrices on the device, as for `pali3 run`
    #[arg(long, value_name = "FORM", default_value = "auto")]
    dtype: String,
    /// Picture to ask about: PNG, JPEG, WebP, GIF or BMP; repeat the option for several pictures, which keep their order
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Question or task; repeat the option for several
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Vec<String>,
    /// Ask four questions about each of this many scenes of coloured shapes, which pali3-tiny was not trained on, and count
    /// the right answers
    #[arg(long, value_name = "SCENES", default_value_t = 0)]
    held_out: u64,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
    /// Print one line of JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    questions: usize,
    /// Root mean square of the difference over that of A's values.
    layers: Vec<Layer>,
    /// Positions of A's answers at which B, given A's tokens before, finds the same token the most probable.
    top1_agreement: f64,
    positions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_out: Option<HeldOut>,
    /// Answers to the prompts that were given.
    texts: Vec<Texts>,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    relative_error: f64,
}

#[derive(Serialize)]
struct HeldOut {
    asked: usize,
    accuracy_a: f64,
    accuracy_b: f64,
}

#[derive(Serialize)]
struct Texts {
    prompt: String,
    a: String,
    b: String,
}

/// Runs the command.
pub(super) async fn compare(args: &CompareArgs) -> Result<()> {
    let images = session::read_images(&args.image)?;
    if args.prompt.is_empty() && images.is_empty() && args.held_out == 0 {
        let problem = "there is no question: give --prompt, --image or --held-out";
        return Err(Error::option("prompt", problem));
    }
    let pictures = !images.is_empty() || args.held_out > 0;
    let load = async |folder: &PathBuf, dtype: &str| {
        let model = ModelArgs {
            model: folder.clone(),
            device: args.device,
            dtype: dtype.to_string(),
            json: args.json,
        };
        session::load_for(&model, pictures).await
    };
    let (a, b) = (
        load(&args.a, "auto").await?,
        load(&args.b, &args.dtype).await?,
    );
    let mut comparison = Comparison {
        a: &a,
        b: &b,
        sums: Sums::default(),
    };
    let mut texts = vec![];
    let prompts = match args.prompt.is_empty() && !images.is_empty() {
        true => vec![String::new()],
        false => args.prompt.clone(),
    };
    for prompt in prompts {
        let [a, b] = comparison.ask(&images, &prompt).await?;
        texts.push(Texts { prompt, a, b });
    }
    let mut held_out = None;
    if args.held_out > 0 {
        held_out = Some(comparison.ask_about_scenes(args.held_out).await?);
    }
    let sums = comparison.sums;
    let report = Report {
        questions: sums.questions,
        top1_agreement: sums.agreed as f64 / sums.positions.max(1) as f64,
        positions: sums.positions,
        layers: sums.layers(),
        held_out,
        texts,
    };
    match args.json {
        true => output::json(&report),
        false => output::text(&report.to_string()),
    }
}

struct Comparison<'a> {
    a: &'a Session,
    b: &'a Session,
    sums: Sums,
}

/// What is added up over the questions.
#[derive(Default)]
struct Sums {
    questions: usize,
    /// In the order in which they are computed.
    names: Vec<String>,
    /// Sums of squares: of the differences, and of A's values.
    squares: HashMap<String, [f64; 2]>,
    positions: usize,
    agreed: usize,
}

impl Comparison<'_> {
    /// Both answers to a question, and everything between added to the sums.
    async fn ask(&mut self, images: &[RgbImage], prompt: &str) -> Result<[String; 2]> {
        let (text_a, ids) = answer(self.a, images, prompt).await?;
        let (text_b, _) = answer(self.b, images, prompt).await?;
        let a = self.a.trace(images, prompt, &ids).await?;
        let b = self.b.trace(images, prompt, &ids).await?;
        self.sums.questions += 1;
        for ((name, a), (name_b, b)) in a.iter().zip(&b) {
            if name != name_b || a.len() != b.len() {
                let problem = format!(
                    "the models differ in shape: where A computes {name}, with {} numbers, B computes {name_b}, with {}",
                    a.len(),
                    b.len()
                );
                return Err(Error::input("B", problem));
            }
            self.sums.add(name, a, b);
            if name == "logits" {
                self.sums.agree(a, b, ids.len());
            }
        }
        Ok([text_a, text_b])
    }

    async fn ask_about_scenes(&mut self, scenes: u64) -> Result<HeldOut> {
        let bar = Progress::count("asking");
        let (mut asked, mut right) = (0, [0, 0]);
        for index in 0..scenes {
            let (scene, mut rng) = Scene::nth(Split::HeldOut, SEED, index);
            let picture = scene.draw(PICTURE_SIZE);
            for question in Asked::several(&mut rng, &scene, Split::HeldOut, QUESTIONS_A_SCENE) {
                let texts = self
                    .ask(std::slice::from_ref(&picture), &question.text)
                    .await?;
                asked += 1;
                for (right, text) in right.iter_mut().zip(texts) {
                    *right += usize::from(text == question.answer);
                }
            }
            bar.set(index + 1, scenes);
        }
        let [accuracy_a, accuracy_b] = right.map(|right| right as f64 / asked.max(1) as f64);
        Ok(HeldOut {
            asked,
            accuracy_a,
            accuracy_b,
        })
    }
}

async fn answer(model: &Session, images: &[RgbImage], prompt: &str) -> Result<(String, Vec<u32>)> {
    let images = session::encode_images(model, images).await?;
    let options = GenerationOptions {
        num_beams: 1,
        ..model.generation_options()?.clone()
    };
    let output = model.generate(&images, prompt, &options)?.run().await?;
    let best = output.sequences.into_iter().next();
    let best = best.ok_or_else(|| Error::input("prompt", "the model gave no answer"))?;
    Ok((best.text, best.token_ids))
}

impl Sums {
    fn add(&mut self, name: &str, a: &[f32], b: &[f32]) {
        if !self.squares.contains_key(name) {
            self.names.push(name.to_string());
        }
        let sums = self.squares.entry(name.to_string()).or_default();
        for (&a, &b) in a.iter().zip(b) {
            sums[0] += f64::from(b - a).powi(2);
            sums[1] += f64::from(a).powi(2);
        }
    }

    fn agree(&mut self, a: &[f32], b: &[f32], positions: usize) {
        let vocabulary = (a.len() / positions.max(1)).max(1);
        let most = |row: &[f32]| {
            let most = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            most.map(|(i, _)| i)
        };
        let rows = a.chunks(vocabulary).zip(b.chunks(vocabulary));
        self.agreed += rows.filter(|(a, b)| most(a) == most(b)).count();
        self.positions += positions;
    }

    fn layers(&self) -> Vec<Layer> {
        let layer = |name: &String| {
            let [difference, size] = self.squares[name];
            Layer {
                name: name.clone(),
                relative_error: (difference / size.max(f64::MIN_POSITIVE)).sqrt(),
            }
        };
        self.names.iter().map(layer).collect()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:<44}relative error", "after")?;
        for layer in &self.layers {
            writeln!(f, "{:<44}{:.2e}", layer.name, layer.relative_error)?;
        }
        writeln!(
            f,
            "\nA and B find the same token most probable at {:.2} % of {} positions in {} answers",
            100.0 * self.top1_agreement,
            self.positions,
            self.questions
        )?;
        if let Some(HeldOut {
            asked,
            accuracy_a,
            accuracy_b,
        }) = &self.held_out
        {
            writeln!(
                f,
                "right answers to {asked} questions about held-out scenes: A {:.2} %, B {:.2} %",
                100.0 * accuracy_a,
                100.0 * accuracy_b
            )?;
        }
        for Texts { prompt, a, b } in &self.texts {
            writeln!(f, "\n{prompt}\n  A: {a}\n  B: {b}")?;
        }
        Ok(())
    }
}
