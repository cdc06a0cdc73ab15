//! The flags of generation, made from the table of its options.

use clap::builder::{PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde_json::{Map, Value};

use crate::generation::{OPTIONS, OptionKind, OptionSpec, Overrides};
use crate::spelling::kebab_case;

/// Every option of generation as a flag.
#[derive(Debug, Clone)]
pub(super) struct GenerationArgs(pub(super) Overrides);

impl Args for GenerationArgs {
    fn augment_args(command: Command) -> Command {
        command.args(OPTIONS.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GenerationArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Map::new();
        for option in OPTIONS {
            if let Some(values) = matches.get_many::<Value>(option.name) {
                given.insert(option.camel_case(), joined(option.kind, values));
            }
        }
        // The parsers below let only values of the right type through.
        let overrides = Overrides::from_value(Value::Object(given))
            .map_err(|error| clap::Error::raw(clap::error::ErrorKind::InvalidValue, error))?;
        Ok(Self(overrides))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn joined<'a>(kind: OptionKind, values: impl Iterator<Item = &'a Value>) -> Value {
    let mut values = values.cloned();
    match kind {
        OptionKind::Texts => values.collect(),
        _ => values.next().unwrap_or_default(),
    }
}

fn flag(option: &OptionSpec) -> Arg {
    let arg = Arg::new(option.name)
        .long(kebab_case(option.name))
        .help(option.help());
    match option.kind {
        OptionKind::Count | OptionKind::Seed => arg
            .value_name("N")
            .value_parser(clap::value_parser!(u64).map(Value::from)),
        OptionKind::Number => arg
            .value_name("X")
            .allow_negative_numbers(true)
            .value_parser(number),
        OptionKind::Flag => or_alone(arg.value_name("true|false"), &["true", "false"]),
        OptionKind::EarlyStopping => {
            let values = ["true", "false", "never"];
            or_alone(arg.value_name("true|false|never"), &values)
        }
        OptionKind::Texts => arg
            .value_name("TEXT")
            .allow_hyphen_values(true)
            .action(ArgAction::Append)
            .value_parser(StringValueParser::new().map(Value::from)),
    }
}

/// A flag that means true where no value follows.
fn or_alone(arg: Arg, values: &[&'static str]) -> Arg {
    let parser = PossibleValuesParser::new(values).map(|word| match word.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => Value::String(word),
    });
    arg.num_args(0..=1)
        .default_missing_value("true")
        .hide_possible_values(true)
        .value_parser(parser)
}

/// Infinity and NaN are no numbers that JSON could hold.
fn number(text: &str) -> Result<Value, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::from(number)),
        _ => Err("expected a finite number".to_string()),
    }
}
