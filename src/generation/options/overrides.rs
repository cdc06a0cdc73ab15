//! The caller's options: from JavaScript's object, and put in the place of the model folder's.

use serde_json::Value;

use super::table::{GenerationOptions, OPTIONS, OptionSpec, Overrides};
use crate::error::{Error, Result};
use crate::spelling::suggestion;

impl Overrides {
    /// Options from a JavaScript object, whose names are in camelCase. `null` counts as left out.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for an unknown name (with the nearest known one) or a value of the wrong type.
    pub fn from_value(value: Value) -> Result<Self> {
        let Value::Object(fields) = value else {
            let problem = format!("expected an object, found {value}");
            return Err(Error::option("options", problem));
        };
        let mut overrides = Self::default();
        for (name, value) in &fields {
            let Some(option) = OPTIONS.iter().find(|option| option.camel_case() == *name) else {
                let known: Vec<String> = OPTIONS.iter().map(OptionSpec::camel_case).collect();
                let problem = format!("unknown; {}", suggestion(name, &known));
                return Err(Error::option(name, problem));
            };
            let set = overrides.set(option.name, value);
            set.map_err(|problem| Error::option(name, problem))?;
        }
        Ok(overrides)
    }

    /// The first option given that has a meaning in sampling only.
    fn sampling_option(&self) -> Option<&'static str> {
        [
            ("temperature", self.temperature.is_some()),
            ("top_k", self.top_k.is_some()),
            ("top_p", self.top_p.is_some()),
        ]
        .into_iter()
        .find_map(|(name, given)| given.then_some(name))
    }
}

impl GenerationOptions {
    /// These options with the caller's in their place, validated.
    ///
    /// `temperature`, `top_k` and `top_p` ask for sampling: giving one of them turns `do_sample` on
    /// unless the caller says otherwise.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a value out of range or options that exclude each other.
    pub fn with(&self, overrides: &Overrides) -> Result<Self> {
        let mut options = self.clone();
        options.put(overrides);
        if let Some(name) = overrides.sampling_option() {
            match overrides.do_sample {
                Some(false) => {
                    return Err(Error::option(
                        name,
                        "has no effect without sampling; leave it out or set do_sample to true",
                    ));
                }
                Some(true) => {}
                None => options.do_sample = true,
            }
        }
        options.validate()?;
        Ok(options)
    }
}
