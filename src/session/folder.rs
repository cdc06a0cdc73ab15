//! The files of a model folder, each read and compared with the configuration.

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::formats::json::{Checker, require};
use crate::formats::{ModelFolder, PartDtypes};
use crate::generation::GenerationOptions;
use crate::image::ImageProcessor;
use crate::models::{Model, ModelConfig, PromptConfig, VisionInput, registry};
use crate::tokenizer::Tokenizer;
use burn::tensor::Device;

/// The configuration.
///
/// # Errors
/// [`crate::Error::NotFound`] where there is none, and as [`registry::read_config`].
pub(crate) async fn read_config(folder: &impl ModelFolder) -> Result<Box<dyn ModelConfig>> {
    let name = "config.json";
    registry::read_config(&folder.describe(name), &folder.require(name).await?)
}

/// `preprocessor_config.json`, or SigLIP's defaults at the size that the tower's positions are for.
pub(super) async fn read_image_processor(
    folder: &impl ModelFolder,
    input: &VisionInput,
) -> Result<ImageProcessor> {
    let name = "preprocessor_config.json";
    match folder.read(name).await? {
        Some(bytes) => ImageProcessor::from_json(&folder.describe(name), &bytes),
        None => Ok(ImageProcessor::for_side(input.image_size)),
    }
}

/// `tokenizer.json`, whose ids all have to be in the model's table.
pub(crate) async fn read_tokenizer(
    folder: &impl ModelFolder,
    vocab_size: usize,
) -> Result<Tokenizer> {
    let name = "tokenizer.json";
    let (file, bytes) = (folder.describe(name), folder.require(name).await?);
    let tokenizer = Tokenizer::from_bytes(&file, &bytes)?;
    let (expected, found) = (
        format!("at most vocab_size ({vocab_size})"),
        tokenizer.vocab_size(),
    );
    require(found <= vocab_size, &file, "vocabulary", expected, found)?;
    // Fewer tokens than rows may still have ids beyond these.
    if let Some(largest) = tokenizer.largest_id() {
        Checker::new(&file, "").ids(vocab_size, [("largest token id", largest)])?;
    }
    Ok(tokenizer)
}

/// `generation_config.json` over the configuration's own token ids.
pub(crate) async fn read_generation(
    folder: &impl ModelFolder,
    prompts: &PromptConfig,
    vocab_size: usize,
) -> Result<GenerationOptions> {
    let generation = GenerationOptions {
        decoder_start_token_id: prompts.decoder_start_token_id,
        eos_token_ids: vec![prompts.eos_token_id],
        ..Default::default()
    };
    let name = "generation_config.json";
    let Some(bytes) = folder.read(name).await? else {
        return Ok(generation);
    };
    let file = folder.describe(name);
    let generation = generation.from_json(&file, &bytes)?;
    let check = Checker::new(&file, "");
    let start = generation.decoder_start_token_id;
    check.ids(vocab_size, [("decoder_start_token_id", start)])?;
    for &id in &generation.eos_token_ids {
        check.ids(vocab_size, [("eos_token_id", id)])?;
    }
    Ok(generation)
}

/// The headers of the folder's weights.
///
/// # Errors
/// As [`Checkpoint::open`].
pub(crate) async fn open_checkpoint(
    folder: &impl ModelFolder,
    config: &dyn ModelConfig,
) -> Result<Checkpoint> {
    let names = &config.family().names;
    match config.quantization() {
        Some(_) => Checkpoint::open_sharded(folder, names).await,
        None => Checkpoint::open(folder, names).await,
    }
}

/// A model whose parameters wait for that checkpoint. `file` is the configuration's name for errors.
///
/// # Errors
/// [`crate::Error::UnsupportedModel`] for more blocks than the checkpoint has tensors: a mistyped number should not be taken at
/// its word, since each block takes memory before it has weights.
pub(crate) fn empty_model(
    config: &dyn ModelConfig,
    file: &str,
    checkpoint: &Checkpoint,
    dtypes: &PartDtypes,
    device: &Device,
) -> Result<Box<dyn Model>> {
    let tensors = checkpoint.entries().len();
    for (key, blocks) in config.stacks() {
        let expected = format!("no more than the checkpoint has tensors ({tensors})");
        require(blocks <= tensors, file, key, expected, blocks)?;
    }
    Ok(config.build(checkpoint.has_head(), dtypes, device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::device::for_shapes;
    use crate::error::Error;
    use pollster::block_on;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;
    use std::ops::Range;

    /// A folder in memory.
    struct Files(BTreeMap<&'static str, Vec<u8>>);

    impl Files {
        fn new(files: &[(&'static str, Value)]) -> Self {
            let text = |value: &Value| value.to_string().into_bytes();
            Self(files.iter().map(|(n, value)| (*n, text(value))).collect())
        }
    }

    impl ModelFolder for Files {
        fn describe(&self, file: &str) -> String {
            file.to_string()
        }
        async fn read(&self, file: &str) -> Result<Option<Vec<u8>>> {
            Ok(self.0.get(file).cloned())
        }
        async fn size(&self, file: &str) -> Result<Option<u64>> {
            Ok(self.0.get(file).map(|bytes| bytes.len() as u64))
        }
        async fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>> {
            Ok(self.require(file).await?[range.start as usize..range.end as usize].to_vec())
        }
    }

    fn refused<T>(result: Result<T>) -> String {
        let error = result.err().unwrap();
        assert!(matches!(error, Error::UnsupportedModel { .. }), "{error}");
        error.to_string()
    }

    #[test]
    fn a_mistyped_number_of_layers_is_not_built() {
        for key in ["num_layers", "num_decoder_layers"] {
            let config = json!({ "model_type": "t5", "num_layers": 1, key: 100_000_000 });
            let mut folder = Files::new(&[("config.json", config)]);
            let header = json!({ "shared.weight": { "dtype": "F32", "shape": [1], "data_offsets": [0, 4] } });
            let mut weights = header.to_string().into_bytes();
            weights.resize(weights.len().next_multiple_of(8), b' ');
            let length = weights.len() as u64;
            let weights = [&length.to_le_bytes()[..], &weights, &[0; 4]].concat();
            folder.0.insert("model.safetensors", weights);
            let config = block_on(read_config(&folder)).unwrap();
            let checkpoint = block_on(open_checkpoint(&folder, &*config)).unwrap();
            let floats = config.dtypes();
            let built = empty_model(&*config, "config.json", &checkpoint, &floats, &for_shapes());
            let message = format!(
                "config.json: {key} is 100000000, expected no more than the checkpoint has tensors (1)"
            );
            // Left out, the decoder has as many blocks as the encoder; the first key is named.
            assert_eq!(refused(built), message);
        }
    }

    #[test]
    fn ids_beyond_the_embedding_are_refused() {
        let prompts = PromptConfig {
            decoder_start_token_id: 0,
            eos_token_id: 1,
            pad_token_id: 0,
            max_prompt_tokens: 9,
        };
        let read = |keys: Value| {
            let folder = Files::new(&[("generation_config.json", keys)]);
            block_on(read_generation(&folder, &prompts, 96))
        };
        assert!(read(json!({ "decoder_start_token_id": 95, "eos_token_id": [1, 95] })).is_ok());
        for (keys, words) in [
            (
                json!({ "decoder_start_token_id": 99_999_999 }),
                "decoder_start_token_id is 99999999, expected below vocab_size (96)",
            ),
            (
                json!({ "eos_token_id": [1, 96] }),
                "eos_token_id is 96, expected below vocab_size (96)",
            ),
        ] {
            let message = refused(read(keys));
            assert_eq!(message, format!("generation_config.json: {words}"));
        }
    }

    #[test]
    fn the_largest_id_of_a_tokenizer_counts_not_how_many_there_are() {
        let read = |largest: u32| {
            let model =
                json!({ "type": "WordLevel", "vocab": { "a": 0, "b": largest }, "unk_token": "a" });
            let tokenizer = json!({
                "version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
                "post_processor": null, "decoder": null, "model": model,
            });
            let folder = Files::new(&[("tokenizer.json", tokenizer)]);
            block_on(read_tokenizer(&folder, 96))
        };
        assert!(read(95).is_ok());
        let message = refused(read(96));
        let words = "tokenizer.json: largest token id is 96, expected below vocab_size (96)";
        assert_eq!(message, words);
    }
}
