//! An answer under way, as JavaScript holds it.

use super::gpu::{Gpu, watched};
use super::values::{numbers, object, to_js};
use crate::error::{Error, Result};
use crate::generation::{GeneratedToken, Sequence};
use crate::session::Answer;
use js_sys::Array;
use wasm_bindgen::prelude::*;

/// `Generation` on the inside.
#[wasm_bindgen]
pub struct Generation {
    /// `None` after `finish`.
    answer: Option<Answer>,
    gpu: Option<Gpu>,
}

impl Generation {
    pub(super) fn new(answer: Answer, gpu: Option<Gpu>) -> Self {
        Self {
            answer: Some(answer),
            gpu,
        }
    }
}

#[wasm_bindgen]
impl Generation {
    /// Runs the decoder once. An array of the tokens that came of it (none while beams are compared), each
    /// `{text, tokenId, logprob, sequence}`; `undefined` when all sequences have ended.
    pub async fn step(&mut self) -> std::result::Result<JsValue, JsValue> {
        let Some(answer) = &mut self.answer else {
            return Ok(JsValue::UNDEFINED);
        };
        let tokens = watched(self.gpu.as_ref(), answer.step())
            .await
            .map_err(to_js)?;
        Ok(tokens.map_or(JsValue::UNDEFINED, |tokens| {
            tokens.iter().map(token).collect::<Array>().into()
        }))
    }

    /// The sequences that have ended, each `{text, tokenIds, logprobs, score, finishReason}`.
    pub fn finish(&mut self) -> std::result::Result<Array, JsValue> {
        Ok(self.take().map_err(to_js)?.iter().map(sequence).collect())
    }

    fn take(&mut self) -> Result<Vec<Sequence>> {
        let answer = self.answer.take();
        let answer =
            answer.ok_or_else(|| Error::input("generation", "has been finished before"))?;
        Ok(answer.into_output().sequences)
    }
}

fn token(token: &GeneratedToken) -> JsValue {
    object([
        ("text", token.text.as_str().into()),
        ("tokenId", token.token_id.into()),
        ("logprob", token.logprob.into()),
        ("sequence", JsValue::from_f64(token.sequence as f64)),
    ])
}

fn sequence(sequence: &Sequence) -> JsValue {
    object([
        ("text", sequence.text.as_str().into()),
        ("tokenIds", numbers(&sequence.token_ids)),
        ("logprobs", numbers(&sequence.logprobs)),
        ("score", sequence.score.into()),
        ("finishReason", sequence.finish_reason.as_str().into()),
    ])
}
