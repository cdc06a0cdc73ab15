//! `pali3 self-test`: whether a device computes what the processor computed.

use clap::Args;

use super::output;
use super::progress::Progress;
use super::session::{self, DeviceChoice, ModelArgs};
use crate::error::{Error, Result};
use crate::files;
use crate::formats::{DirFolder, ModelFolder};
use crate::session::{SELF_TEST, SelfTest};

/// Options of `pali3 self-test`.
#[derive(Debug, Args)]
pub(super) struct SelfTestArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Write self_test.json, with numbers computed on the processor in the folder's own form
    #[arg(long)]
    write: bool,
    /// Question to ask about the test's picture
    #[arg(
        long,
        value_name = "TEXT",
        requires = "write",
        allow_hyphen_values = true,
        default_value = "what is this?"
    )]
    prompt: String,
}

/// Runs the command.
pub(super) async fn self_test(args: &SelfTestArgs) -> Result<()> {
    match args.write {
        true => write_test(args).await,
        false => check(args).await,
    }
}

async fn write_test(args: &SelfTestArgs) -> Result<()> {
    if args.model.dtype != "auto" || args.model.device == DeviceChoice::Wgpu {
        let problem = "the numbers are computed on the processor in the folder's own form; leave out --device and --dtype";
        return Err(Error::option("write", problem));
    }
    let on_processor = ModelArgs {
        device: DeviceChoice::Cpu,
        ..args.model.clone()
    };
    let model = session::load(&on_processor).await?;
    let test = model.write_self_test(&args.prompt).await?;
    let path = args.model.model.join(SELF_TEST);
    let mut text = serde_json::to_vec(&test).map_err(|error| Error::corrupt(SELF_TEST, error))?;
    text.push(b'\n');
    files::write(&path, &text)?;
    match args.model.json {
        true => output::json(&test),
        false => output::text(&format!("{} written\n", path.display())),
    }
}

async fn check(args: &SelfTestArgs) -> Result<()> {
    let folder = DirFolder::new(&args.model.model)?;
    // Before the weights: a folder without a test is told so at once.
    let test = folder.require(SELF_TEST).await?;
    let test = SelfTest::from_json(&folder.describe(SELF_TEST), &test)?;
    let model = session::load(&args.model).await?;
    let spinner = Progress::spinner("computing");
    let report = model.self_test(&test).await?;
    drop(spinner);
    let mut lines = String::new();
    for check in &report.checks {
        let verdict = if check.ok { "as expected" } else { "WRONG" };
        lines.push_str(&format!(
            "{:<14}{verdict}: off by at most {:.1e}, {:.1e} allowed\n",
            check.name, check.largest_error, check.tolerance
        ));
    }
    match args.model.json {
        true => output::json(&report)?,
        false => output::text(&lines)?,
    }
    if report.ok {
        return Ok(());
    }
    let device = model.device_kind().name();
    Err(Error::device(format!(
        "{device} does not compute what {} expects; if the weights have changed, write the file again with --write",
        folder.describe(SELF_TEST)
    )))
}
