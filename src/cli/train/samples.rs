//! Sample pictures for the demo page: the first scenes of the held-out split that are not alike.

use crate::error::{Error, Result};
use crate::files;
use crate::scenes::{Asked, PICTURE_SIZE, QuestionType, Scene, Split};
use image::{ImageFormat, RgbImage as PngImage};
use serde::Serialize;
use std::collections::HashSet;
use std::io::Cursor;
use std::path::Path;

/// Seed of the sample scenes; no evaluation and no training uses it.
const SEED: u64 = 7;
/// How many are written.
const SAMPLES: usize = 8;

#[derive(Serialize)]
struct Sample {
    file: String,
    questions: Vec<Suggestion>,
}

#[derive(Serialize)]
struct Suggestion {
    question: String,
    answer: &'static str,
}

/// Writes `scene-1.png` … and `samples.json` with questions and right answers. Whether a model answers them right has no
/// part in the choice: a scene is skipped only when an earlier one has as many objects and the same kind of questions.
///
/// # Errors
/// [`Error::Io`] when a file cannot be written.
pub(super) fn write(folder: &Path) -> Result<()> {
    files::create_folder(folder)?;
    let mut samples = vec![];
    let mut seen = HashSet::new();
    for index in 0.. {
        if samples.len() == SAMPLES {
            break;
        }
        let (scene, mut rng) = Scene::nth(Split::HeldOut, SEED, index);
        let asked = Asked::several(&mut rng, &scene, Split::HeldOut, 4);
        let has = |kind| asked.iter().any(|a| a.question.question_type() == kind);
        let kinds = (
            scene.objects.len(),
            has(QuestionType::Colour),
            has(QuestionType::Shape),
        );
        if !seen.insert(kinds) {
            continue;
        }
        let file = format!("scene-{}.png", samples.len() + 1);
        files::write(&folder.join(&file), png(&scene)?)?;
        let suggestion = |a: Asked| Suggestion {
            question: a.text,
            answer: a.answer,
        };
        samples.push(Sample {
            file,
            questions: asked.into_iter().map(suggestion).collect(),
        });
    }
    let json = serde_json::to_string_pretty(&samples)
        .map_err(|error| Error::corrupt("samples.json", error))?;
    files::write(&folder.join("samples.json"), json + "\n")
}

fn png(scene: &Scene) -> Result<Vec<u8>> {
    let picture = scene.draw(PICTURE_SIZE);
    let mut bytes = Cursor::new(vec![]);
    PngImage::from_raw(PICTURE_SIZE as u32, PICTURE_SIZE as u32, picture.data)
        .ok_or_else(|| Error::input("image", "the drawing has another size than its file"))?
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| Error::input("image", error))?;
    Ok(bytes.into_inner())
}
