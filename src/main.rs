//! The `pali3` command.

fn main() -> std::process::ExitCode {
    pali3::cli::main()
}
