//! JavaScript's list of generation options is written from the crate's table.

use super::common::path;
use pali3::generation::{OPTIONS, OptionKind};

const FILE: &str = "pkg/lib/api/generation-options.js";

fn written() -> String {
    let rows = OPTIONS.iter().map(|option| {
        let kind = match option.kind {
            OptionKind::Count => "count",
            OptionKind::Seed => "seed",
            OptionKind::Number => "number",
            OptionKind::Flag => "flag",
            OptionKind::EarlyStopping => "early",
            OptionKind::Texts => "texts",
        };
        format!("  {}: {kind:?},\n", option.camel_case())
    });
    format!(
        "// @ts-check\n\
         // Written from the table in src/generation/options/table.rs by\n\
         // PALI3_WRITE=1 cargo test --release --test native options::\n\
         \n\
         /** Options of `generate` that go to the crate, each with the kind of value that it takes. */\n\
         export const GENERATION = {{\n{}}};\n",
        rows.collect::<String>()
    )
}

#[test]
fn javascript_has_the_crate_s_options() {
    let file = path(FILE);
    if std::env::var_os("PALI3_WRITE").is_some() {
        std::fs::write(&file, written()).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        found,
        written(),
        "{FILE} is out of date; its second line says how to write it"
    );
}
