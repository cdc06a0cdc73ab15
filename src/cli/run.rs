//! `pali3 run`: a prompt, and perhaps pictures, in; text out.

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::generation_args::GenerationArgs;
use super::output;
use super::progress::Progress;
use super::session::{self, ModelArgs, QuestionArgs, Timings};
use crate::error::Result;
use crate::generation::{Output, Sequence};
use crate::session::Answer;

/// Options of `pali3 run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    question: QuestionArgs,
    #[command(flatten, next_help_heading = "Generation")]
    generation: GenerationArgs,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    best: SequenceReport<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequences: Option<Vec<SequenceReport<'a>>>,
    visual_tokens: usize,
    timings_ms: Value,
    device: &'a str,
}

#[derive(Serialize)]
struct SequenceReport<'a> {
    text: &'a str,
    token_ids: &'a [u32],
    score: f32,
}

impl<'a> From<&'a Sequence> for SequenceReport<'a> {
    fn from(sequence: &'a Sequence) -> Self {
        Self {
            text: &sequence.text,
            token_ids: &sequence.token_ids,
            score: sequence.score,
        }
    }
}

/// Runs the command.
pub(super) async fn run(args: &RunArgs) -> Result<()> {
    let mut timings = Timings::start();
    let images = args.question.pictures()?;
    let model = session::load_for(&args.model, !images.is_empty()).await?;
    timings.stage("load");
    let options = model.generation_options()?.with(&args.generation.0)?;
    let images = session::encode_images(&model, &images).await?;
    timings.stage("image");
    let answer = model.generate(&images, &args.question.prompt, &options)?;
    timings.stage("encoder");
    let json = args.model.json;
    let several = options.num_return_sequences > 1;
    let stream = !json && !several && options.num_beams == 1;
    let sequences = if stream {
        print_as_it_comes(answer).await?
    } else {
        wait(answer).await?
    }
    .sequences;
    timings.stage("decoder");
    if stream {
        return output::text("\n");
    }
    if !json {
        let lines: String = sequences.iter().map(|s| format!("{}\n", s.text)).collect();
        return output::text(&lines);
    }
    let Some(best) = sequences.first() else {
        return Ok(());
    };
    let list = several || args.generation.0.num_return_sequences.is_some();
    output::json(&Report {
        best: best.into(),
        sequences: list.then(|| sequences.iter().map(SequenceReport::from).collect()),
        visual_tokens: session::visual_tokens(&images),
        timings_ms: timings.finish(),
        device: model.device_kind().name(),
    })
}

async fn print_as_it_comes(mut answer: Answer) -> Result<Output> {
    while let Some(token) = answer.next().await? {
        output::text(&token.text)?;
    }
    Ok(answer.into_output())
}

async fn wait(mut answer: Answer) -> Result<Output> {
    let spinner = Progress::spinner("writing");
    let mut steps = 0;
    while answer.step().await?.is_some() {
        steps += 1;
        spinner.message(format!("writing token {steps}"));
    }
    Ok(answer.into_output())
}
