//! Names of options as each caller writes them, and the known name that a mistyped one is nearest to.

/// `max_new_tokens` as JavaScript writes it: `maxNewTokens`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_string();
    words.fold(first, |mut camel, word| {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel + letters.as_str()
    })
}

/// `max_new_tokens` as the command line writes it: `max-new-tokens`.
#[cfg(feature = "cli")]
pub(crate) fn kebab_case(name: &str) -> String {
    name.replace('_', "-")
}

/// What to say of a name that is none of the `known`: the nearest of them, or all where none is near.
pub(crate) fn suggestion<S: AsRef<str>>(name: &str, known: &[S]) -> String {
    let name = name.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&name, &known.to_lowercase());
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    let nearest = known.iter().map(|known| (distance(known), known)).min();
    match nearest {
        Some((distance, nearest)) if distance <= nearest.len() / 2 => {
            format!("did you mean {nearest}?")
        }
        _ => format!("expected one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_as_each_caller_joins_them() {
        assert_eq!(camel_case("no_repeat_ngram_size"), "noRepeatNgramSize");
        assert_eq!(camel_case("seed"), "seed");
        assert_eq!(camel_case("topK"), "topK");
        assert_eq!(camel_case(""), "");
    }

    #[test]
    fn the_nearest_name_is_suggested_and_all_of_them_where_none_is_near() {
        let known = ["numBeams", "topK"];
        assert_eq!(suggestion("num_beam", &known), "did you mean numBeams?");
        assert_eq!(suggestion("zzz", &known), "expected one of numBeams, topK");
    }
}
