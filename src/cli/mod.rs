//! The command line: `pali3 run|encode|score|similarity|inspect|self-test|quantize|compare|random|bench|train`.
//!
//! Results go to stdout, progress and errors to stderr; every error, a wrong option included, ends with exit code 1.

mod bench;
mod compare;
mod encode;
mod inspect;
mod output;
mod progress;
mod quantize;
mod random;
mod run;
mod score;
mod self_test;
mod session;
mod similarity;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::error::{Error, Result};

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
    /// Write the visual tokens (and, with a prompt, the encoder's output) to a safetensors file
    Encode(encode::EncodeArgs),
    /// Log-probability of each token of a given answer
    Score(score::ScoreArgs),
    /// How probable it is that pictures and texts belong together, by a SigLIP model of both towers
    Similarity(similarity::SimilarityArgs),
    /// Towers, parameters, element types and bytes of a model folder, and what is wrong with it
    Inspect(inspect::InspectArgs),
    /// Check that a device computes what the folder's self_test.json expects, or write that file
    SelfTest(self_test::SelfTestArgs),
    /// Write a model folder in another form: 8- or 4-bit blocks, halves or floats
    Quantize(quantize::QuantizeArgs),
    /// How far one form of a model is from another: errors layer by layer, agreement, answers side by side
    Compare(compare::CompareArgs),
    /// Write a model folder of any size with random weights, to measure with
    Random(random::RandomArgs),
    /// What the kernels reach on this machine, beside a plain copy
    Bench(bench::BenchArgs),
    /// Train pali3-tiny from nothing
    Train(crate::train::cli::TrainArgs),
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
        Command::Train(args) => crate::train::cli::run(&args),
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
            format!("option --{}: {problem}", option.replace('_', "-"))
        }
        other => other.to_string(),
    }
}

/// The bytes of a file that the caller named.
fn read_file(path: &std::path::Path) -> Result<Vec<u8>> {
    let file = path.display().to_string();
    std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound { file },
        _ => Error::Io {
            file,
            problem: error.to_string(),
        },
    })
}
