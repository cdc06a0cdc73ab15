//! What a family of models is, before there is a model: names, capabilities, configuration.

use super::Model;
use crate::checkpoint::TensorNames;
use crate::error::{Error, Result};
use crate::formats::json::{parse_json, require};
use crate::formats::{PartDtypes, QuantizationConfig};
use burn::tensor::Device;
use serde::Deserialize;
use serde_json::Value;

/// Something that models of some families do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Writes text after a prompt, and scores it: [`super::EncoderDecoder`].
    Generate,
    /// Takes pictures into its prompts: [`super::ImageEncoder`].
    SeeImages,
    /// Embeds pictures: [`super::ImageEmbedder`].
    EmbedImages,
    /// Embeds texts: [`super::TextEmbedder`].
    EmbedTexts,
}

/// A family of models: what is known without a folder. `registry.rs` lists them.
#[derive(Debug)]
pub struct Family {
    /// What it is called.
    pub name: &'static str,
    /// The `model_type`s of its configurations.
    pub model_types: &'static [&'static str],
    /// What its models do.
    pub capabilities: &'static [Capability],
    /// What its checkpoints call the tensors.
    pub names: TensorNames,
    /// What the published names of a model's parts begin with.
    pub parts: &'static [&'static str],
    /// Reads and checks a `config.json` of one of its types.
    pub read_config: ReadConfig,
}

/// From a configuration's name, for errors, and its bytes.
pub type ReadConfig = fn(file: &str, bytes: &[u8]) -> Result<Box<dyn ModelConfig>>;

impl Family {
    /// Whether its models do that.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }
}

/// Token ids that a decoder starts from, ends with and pads with, and how much of a prompt there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptConfig {
    /// Id that the decoder starts from.
    pub decoder_start_token_id: u32,
    /// Id that ends a text.
    pub eos_token_id: u32,
    /// Id that pads batches.
    pub pad_token_id: u32,
    /// Longest prompt in tokens, the closing `</s>` counted.
    pub max_prompt_tokens: usize,
}

/// Pictures, as a model takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisionInput {
    /// Side in pixels of the square picture that the model was trained for.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Rows and columns of the visual tokens of such a picture.
    pub grid: [usize; 2],
    /// Width of a visual token.
    pub hidden_size: usize,
}

/// Embeddings of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEmbedding {
    /// Width of an embedding.
    pub size: usize,
    /// Tokens of a text: shorter ones are padded to as many, longer ones cut off.
    pub length: usize,
}

/// A folder's `config.json`, read and checked, of whichever family.
pub trait ModelConfig: std::fmt::Debug {
    /// The family.
    fn family(&self) -> &'static Family;
    /// `model_type`
    fn model_type(&self) -> &str;
    /// What pictures are for the model; `None` where there is no vision tower.
    fn vision(&self) -> Option<VisionInput> {
        None
    }
    /// Rows of the embedding table.
    fn vocab_size(&self) -> usize;
    /// What prompts and answers are made of; `None` where there are none.
    fn prompts(&self) -> Option<PromptConfig> {
        None
    }
    /// Embeddings of texts; `None` where there are none.
    fn text_embedding(&self) -> Option<TextEmbedding> {
        None
    }
    /// Key and number of the blocks of each stack. A model takes memory for each before it has weights.
    fn stacks(&self) -> Vec<(&'static str, usize)>;
    /// How the folder's matrices are stored, where they are not floats.
    fn quantization(&self) -> Option<&QuantizationConfig>;
    /// A model whose parameters wait for a checkpoint; nothing large is allocated. `stored_head`: whether that checkpoint holds an
    /// output head beside the embedding table ([`crate::checkpoint::Checkpoint::has_head`]).
    fn build(&self, stored_head: bool, dtypes: &PartDtypes, device: &Device) -> Box<dyn Model>;
    /// The file's keys.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for numbers that JSON cannot hold.
    fn to_json(&self) -> Result<Value>;

    /// The form of each part's matrices in the folder; floats where it does not say otherwise.
    fn dtypes(&self) -> PartDtypes {
        PartDtypes::stored(self.quantization())
    }

    /// The folder's forms with an option's in their place, as [`PartDtypes::with`] reads it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another form, and for a part that the model does not have.
    fn dtypes_with(&self, option: &str, text: &str) -> Result<PartDtypes> {
        let dtypes = self.dtypes().with(option, text)?;
        if self.vision().is_some() {
            return Ok(dtypes);
        }
        if text.contains("vision=") {
            let problem = format!(
                "a model of type {} has no vision tower, found {text:?}",
                self.model_type()
            );
            return Err(Error::option(option, problem));
        }
        Ok(PartDtypes::all(dtypes.text))
    }
}

/// What kind of model a `config.json` describes; `missing` where it does not say. Asked first: a foreign configuration should
/// be told so, not that some key has the wrong form.
pub(super) fn model_type(file: &str, bytes: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        model_type: Option<String>,
    }
    let head: Head = parse_json(file, bytes)?;
    Ok(head.model_type.unwrap_or_else(|| "missing".into()))
}

/// That a `config.json` is of one of these types.
pub(super) fn require_model_type(file: &str, bytes: &[u8], known: &[&str]) -> Result<()> {
    let found = model_type(file, bytes)?;
    let ok = known.contains(&found.as_str());
    require(ok, file, "model_type", any_of(known), found)
}

/// `"a", "b" or "c"`
pub(super) fn any_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
