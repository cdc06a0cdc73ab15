//! The command line: `pali3 run|encode|score|similarity|inspect|self-test|quantize|compare|random|bench|train`.
//!
//! Results go to stdout, progress and errors to stderr; every error, a wrong option included, ends with exit code 1.

mod bench;
mod compare;
mod encode;
mod generation_args;
mod inspect;
mod out_folder;
mod output;
mod progress;
mod quantize;
mod random;
mod run;
mod score;
mod self_test;
mod session;
mod similarity;
#[cfg(feature = "train")]
mod train;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::spelling::kebab_case;

/// A picture and a question in, text out.
#[derive(Debug, Parser)]
#[command(name = "pali3", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer a prompt about a picture; prints the text as it comes
    Run(run::RunArgs),
    /// Write visual tokens and, with a prompt, the encoder's output to a safetensors file
    Encode(encode::EncodeArgs),
    /// Print the log-probability of each token of a given answer
    Score(score::ScoreArgs),
    /// Print how probable it is that pictures and texts belong together; needs a SigLIP model with both towers
    Similarity(similarity::SimilarityArgs),
    /// Print a model folder's towers, parameters, element types and bytes, and everything that is wrong with it
    Inspect(inspect::InspectArgs),
    /// Check that a device computes what the folder's self_test.json expects, or write that file
    SelfTest(self_test::SelfTestArgs),
    /// Write a model folder in another form: 8- or 4-bit blocks, halves or floats
    Quantize(quantize::QuantizeArgs),
    /// Compare two forms of a model: errors layer by layer, agreement, answers side by side
    Compare(compare::CompareArgs),
    /// Write a model folder of any size with random weights, to measure with
    Random(random::RandomArgs),
    /// Measure the kernels on this machine beside a plain copy
    Bench(bench::BenchArgs),
    /// Train pali3-tiny from random weights on questions about drawn scenes
    #[cfg(feature = "train")]
    Train(train::TrainArgs),
}

/// Parses the process' arguments, runs the command and returns the exit code: 0, or 1 after an error.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing sensible is left to do when the terminal itself is gone.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            };
        }
    };
    let result = match cli.command {
        Command::Run(args) => pollster::block_on(run::run(&args)),
        Command::Encode(args) => pollster::block_on(encode::encode(&args)),
        Command::Score(args) => pollster::block_on(score::score(&args)),
        Command::Similarity(args) => pollster::block_on(similarity::similarity(&args)),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::SelfTest(args) => pollster::block_on(self_test::self_test(&args)),
        Command::Quantize(args) => pollster::block_on(quantize::quantize(&args)),
        Command::Compare(args) => pollster::block_on(compare::compare(&args)),
        Command::Bench(args) => pollster::block_on(bench::bench(&args)),
        Command::Random(args) => random::random(&args),
        #[cfg(feature = "train")]
        Command::Train(args) => train::train(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", describe(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error's message, with options named as they are written here.
fn describe(error: &Error) -> String {
    match error {
        Error::InvalidOption { option, problem } => {
            format!("option --{}: {problem}", kebab_case(option))
        }
        other => other.to_string(),
    }
}
