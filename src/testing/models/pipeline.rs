//! The same through the faces that callers use: a folder, a picture's bytes and a text in.

use super::generate::options;
use crate::compute::device::DeviceKind;
use crate::error::{Error, Result};
use crate::formats::ModelFolder;
use crate::formats::json::parse_json;
use crate::image::RgbImage;
use crate::models::Capability;
use crate::session::{Load, LoadOptions, Session};
use crate::testing::fixture::{Fixture, Recorded, Reference};
use crate::testing::{Check, load};
use burn::tensor::Device;
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Range;

/// The case's picture, and the same left to right.
fn pictures(fixture: &Fixture<'_>) -> Result<[RgbImage; 2]> {
    #[derive(serde::Deserialize)]
    struct Picture {
        rgb: String,
        width: usize,
        height: usize,
    }
    #[derive(serde::Deserialize)]
    struct WithPicture {
        image: Picture,
    }
    let file = fixture.describe("reference.json");
    let picture: WithPicture = parse_json(&file, &(fixture.read)(&file)?)?;
    let picture = picture.image;
    let rgb = (fixture.read)(&fixture.describe(&picture.rgb))?;
    let image = RgbImage::new(picture.width, picture.height, rgb)?;
    let mirrored = mirrored(&image);
    Ok([image, mirrored])
}

/// PaLI-3, or a language model alone: text out.
pub(super) async fn answers(
    fixture: &Fixture<'_>,
    reference: &Reference,
    device: &Device,
    kind: DeviceKind,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let model = load(fixture, device, kind).await?;
    let mut encoded = vec![];
    if model.can(Capability::SeeImages) {
        for picture in pictures(fixture)? {
            encoded.push(model.encode_image(&picture).await?);
        }
    }
    for expected in &reference.generation {
        let variant = reference
            .variants
            .iter()
            .find(|v| v.name == expected.variant);
        let Some([prompt]) = variant.map(|v| v.prompts.as_slice()) else {
            continue; // batches have no face of their own
        };
        let images = match expected.variant.as_str() {
            "text-only" => &encoded[..0],
            "two-pictures" => &encoded[..],
            _ => &encoded[..encoded.len().min(1)],
        };
        let options = options(model.generation_options()?, expected)?;
        let output = model.generate(images, prompt, &options)?.run().await?;
        let texts: Vec<&str> = output.sequences.iter().map(|s| s.text.as_str()).collect();
        let wanted: Vec<&str> = expected.texts.iter().map(String::as_str).collect();
        let name = format!("{}/text/{}", expected.variant, expected.name);
        checks.push(Check::equal(name, &texts, &wanted));
    }
    Ok(())
}

/// A language model alone whose reference was given ids, not text: every id is a word of a tokenizer made for it.
pub(super) async fn answers_in_ids(
    fixture: &Fixture<'_>,
    reference: &Reference,
    tensors: &BTreeMap<String, Recorded>,
    device: &Device,
    kind: DeviceKind,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let model = load(&Numbered(fixture), device, kind).await?;
    let (Some(Recorded::Int(shape, ids)), Some(Recorded::Int(_, mask))) =
        (tensors.get("input_ids"), tensors.get("attention_mask"))
    else {
        return Err(Error::input(
            "fixture",
            "input_ids or attention_mask is missing",
        ));
    };
    for expected in reference.generation.iter().filter(|g| g.variant.is_empty()) {
        let options = options(model.generation_options()?, expected)?;
        let rows = ids.chunks(shape[1]).zip(mask.chunks(shape[1])).enumerate();
        for (row, (ids, mask)) in rows {
            let real = ids.iter().zip(mask).filter(|&(_, &real)| real != 0);
            let words: Vec<String> = real.map(|(id, _)| id.to_string()).collect();
            // The tokenizer puts </s> at the end.
            let prompt = words[..words.len().saturating_sub(1)].join(" ");
            let output = model.generate(&[], &prompt, &options)?.run().await?;
            let found: Vec<_> = output.sequences.into_iter().map(|s| s.token_ids).collect();
            let count = expected.sequences.len() / shape[0];
            let wanted = expected.sequences[row * count..][..count].to_vec();
            let name = format!("{row}/as a folder/{}: ids", expected.name);
            checks.push(Check::equal(name, &found, &wanted));
        }
    }
    Ok(())
}

/// The case's folder with a tokenizer that reads the number of an id as that id.
struct Numbered<'a>(&'a Fixture<'a>);

impl ModelFolder for Numbered<'_> {
    fn describe(&self, file: &str) -> String {
        self.0.describe(file)
    }

    async fn read(&self, file: &str) -> Result<Option<Vec<u8>>> {
        match file {
            "tokenizer.json" => Ok(Some(numbers().to_string().into_bytes())),
            _ => self.0.read(file).await,
        }
    }

    async fn size(&self, file: &str) -> Result<Option<u64>> {
        self.0.size(file).await
    }

    async fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>> {
        self.0.read_range(file, range).await
    }
}

/// A word for each entry of the fixtures' vocabulary; `</s>` is 1.
fn numbers() -> serde_json::Value {
    let vocabulary: BTreeMap<String, u32> = (0..96).map(|id| (id.to_string(), id)).collect();
    let text = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let end = json!({ "SpecialToken": { "id": "1", "type_id": 0 } });
    json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": { "type": "WhitespaceSplit" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [text, end],
            "pair": [text, end, text, end],
            "special_tokens": { "1": { "id": "1", "ids": [1], "tokens": ["1"] } },
        },
        "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "2" },
    })
}

/// SigLIP: scores out. Also quantized while loading, which has to stay near.
pub(super) async fn similarities(
    fixture: &Fixture<'_>,
    reference: &Reference,
    tensors: &BTreeMap<String, Recorded>,
    device: &Device,
    kind: DeviceKind,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let Some(Recorded::Float(_, expected)) = tensors.get("logits_per_image") else {
        return Err(Error::input("fixture", "logits_per_image is missing"));
    };
    let pictures = pictures(fixture)?;
    let texts = &reference.variants[0].prompts;
    for (dtype, tolerance) in [("auto", super::tolerance(kind)), ("q8", 0.1)] {
        let options = LoadOptions {
            dtype: Some(dtype.into()),
            ..Default::default()
        };
        let model = Session::load(Load {
            folder: fixture,
            device,
            kind,
            options: &options,
            progress: &mut |_| (),
        })
        .await?;
        let images = model.embed_images(&pictures).await?;
        let texts = model.embed_texts(texts).await?;
        let pairs = images
            .iter()
            .flat_map(|image| texts.iter().map(move |text| (image, text)));
        let similarity = model.similarity()?;
        let found: Vec<f32> = pairs
            .map(|(image, text)| similarity.logit(image, text))
            .collect();
        let name = format!("{dtype}: logits_per_image");
        checks.push(Check::values(name, &found, expected, tolerance));
    }
    Ok(())
}

/// Left to right, as the reference's second picture is.
fn mirrored(image: &RgbImage) -> RgbImage {
    let rows = image.data.chunks_exact(3 * image.width);
    let pixels = rows.flat_map(|row| row.as_chunks::<3>().0.iter().rev());
    RgbImage {
        data: pixels.flatten().copied().collect(),
        ..*image
    }
}
