//! The same through the faces that callers use: a folder, a picture's bytes and a text in.

use super::generate::options;
use crate::config::parse_json;
use crate::device::DeviceKind;
use crate::error::{Error, Result};
use crate::image::RgbImage;
use crate::load::LoadOptions;
use crate::siglip::Siglip;
use crate::testing::fixture::{Fixture, Recorded, Reference};
use crate::testing::{Check, load};
use crate::weights::ModelFolder;
use burn::tensor::Device;
use std::collections::BTreeMap;

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

/// PaLI-3: text out.
pub(super) async fn answers(
    fixture: &Fixture<'_>,
    reference: &Reference,
    device: &Device,
    kind: DeviceKind,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let [image, mirrored] = pictures(fixture)?;
    let model = load(fixture, device, kind).await?;
    let pictures = [
        model.encode_image(&image).await?,
        model.encode_image(&mirrored).await?,
    ];
    for expected in &reference.generation {
        let variant = reference
            .variants
            .iter()
            .find(|v| v.name == expected.variant);
        let Some([prompt]) = variant.map(|v| v.prompts.as_slice()) else {
            continue; // batches have no face of their own
        };
        let images = match expected.variant.as_str() {
            "text-only" => &pictures[..0],
            "two-pictures" => &pictures[..],
            _ => &pictures[..1],
        };
        let options = options(model.generation_options(), expected)?;
        let output = model.generate(images, prompt, &options)?.run().await?;
        let texts: Vec<&str> = output.sequences.iter().map(|s| s.text.as_str()).collect();
        let wanted: Vec<&str> = expected.texts.iter().map(String::as_str).collect();
        let name = format!("{}/text/{}", expected.variant, expected.name);
        checks.push(Check::equal(name, &texts, &wanted));
    }
    Ok(())
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
        let model = Siglip::load(fixture, device, kind, &options, &mut |_| ()).await?;
        let images = model.embed_images(&pictures).await?;
        let texts = model.embed_texts(texts).await?;
        let pairs = images
            .iter()
            .flat_map(|image| texts.iter().map(move |text| (image, text)));
        let found: Vec<f32> = pairs
            .map(|(image, text)| model.logit(image, text))
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
