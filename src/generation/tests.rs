//! The search against `transformers` on a model that is a table (`tests/reference/generation.py`).

use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::error::Result;

const SEARCH: &str = include_str!("../../tests/fixtures/generation/search.json");
const DISTRIBUTIONS: &str = include_str!("../../tests/fixtures/generation/distributions.json");

#[derive(Deserialize, Clone)]
struct Tables {
    prompt: Vec<Vec<f32>>,
    last: Vec<Vec<f32>>,
    before: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Search {
    vocab_size: usize,
    tables: Tables,
    cases: std::collections::BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    prompts: Vec<usize>,
    options: Value,
    sequences: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    token_ids: Vec<u32>,
    score: f32,
}

/// Scores depend on the prompt and the last two tokens; a row is (prompt, the token before, the last token).
struct TableDecoder {
    tables: Tables,
    vocab_size: usize,
    rows: Vec<(usize, usize, usize)>,
    steps: usize,
    /// Gives the best alone where they suffice, as a decoder on a GPU does.
    gives_best: bool,
}

impl TableDecoder {
    fn new(search: &Search, prompts: &[usize]) -> Self {
        Self {
            tables: search.tables.clone(),
            vocab_size: search.vocab_size,
            rows: prompts.iter().map(|&prompt| (prompt, 0, 0)).collect(),
            steps: 0,
            gives_best: false,
        }
    }
}

/// As a GPU finds them.
fn best_of(row: &[f32], count: usize) -> BestTokens {
    let mut token_ids: Vec<u32> = (0..row.len() as u32).collect();
    token_ids.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
    token_ids.truncate(count);
    BestTokens {
        logits: token_ids.iter().map(|&id| row[id as usize]).collect(),
        token_ids,
        log_sum_exp: row.iter().map(|x| x.exp()).sum::<f32>().ln(),
    }
}

impl Decoder for TableDecoder {
    async fn step(&mut self, token_ids: &[u32], best: Option<usize>) -> Result<Scores> {
        assert_eq!(token_ids.len(), self.rows.len(), "one token for each row");
        self.steps += 1;
        let mut values = Vec::new();
        for (row, &token) in self.rows.iter_mut().zip(token_ids) {
            *row = (row.0, row.2, token as usize);
            let tables = &self.tables;
            values.extend((0..self.vocab_size).map(|next| {
                (tables.prompt[row.0][next] + tables.last[row.2][next]) + tables.before[row.1][next]
            }));
        }
        match best.filter(|_| self.gives_best) {
            Some(count) => Ok(Scores::Best(
                values
                    .chunks(self.vocab_size)
                    .map(|row| best_of(row, count))
                    .collect(),
            )),
            None => Ok(Scores::All(Logits {
                vocab_size: self.vocab_size,
                values,
            })),
        }
    }

    fn select_rows(&mut self, rows: &[usize]) -> Result<()> {
        self.rows = rows.iter().map(|&row| self.rows[row]).collect();
        Ok(())
    }
}

/// Text of a token: its number and a space, with the end-of-sequence token left out, as tokenizers do.
fn decode(token_ids: &[u32]) -> Result<String> {
    let words = token_ids.iter().filter(|&&id| id != 1);
    Ok(words.map(|id| format!("{id} ")).collect())
}

fn search() -> Search {
    serde_json::from_str(SEARCH).unwrap()
}

/// Python's options, through the reader of `generation_config.json`.
fn options(value: &Value) -> GenerationOptions {
    GenerationOptions::default()
        .from_json("generation_config.json", value.to_string().as_bytes())
        .unwrap()
}

fn run(search: &Search, prompts: &[usize], options: &GenerationOptions) -> Output {
    let decoder = TableDecoder::new(search, prompts);
    let generation = Generation::new(decoder, prompts.len(), options, decode).unwrap();
    pollster::block_on(generation.run()).unwrap()
}

fn assert_sequences(name: &str, found: &[Sequence], expected: &[Expected]) {
    assert_eq!(found.len(), expected.len(), "{name}: number of sequences");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(
            found.token_ids, expected.token_ids,
            "{name}: ids of {index}"
        );
        let error = (found.score - expected.score).abs();
        assert!(
            error < 2e-5,
            "{name}: score of {index}: {} instead of {}",
            found.score,
            expected.score
        );
        assert_eq!(
            found.text,
            decode(&found.token_ids).unwrap(),
            "{name}: text of {index}"
        );
        assert_eq!(found.logprobs.len(), found.token_ids.len());
    }
}

#[test]
fn ids_and_scores_equal_transformers() {
    let search = search();
    assert!(search.cases.len() >= 27);
    for (name, case) in &search.cases {
        let options = options(&case.options);
        assert_sequences(
            name,
            &run(&search, &case.prompts, &options).sequences,
            &case.sequences,
        );
    }
}

#[test]
fn the_best_tokens_of_a_row_decide_as_all_of_them_do() {
    let search = search();
    let sampling = |top_k| {
        let overrides = Overrides {
            temperature: Some(1.3),
            top_k: Some(top_k),
            top_p: Some(0.9),
            seed: Some(3),
            num_return_sequences: Some(4),
            ..Overrides::default()
        };
        GenerationOptions::default().with(&overrides).unwrap()
    };
    let cases = search.cases.values().map(|case| options(&case.options));
    let mut fewer = 0;
    for options in cases.chain([sampling(1), sampling(3)]) {
        let all = run(&search, &[0, 3], &options);
        let mut decoder = TableDecoder::new(&search, &[0, 3]);
        decoder.gives_best = true;
        let generation = Generation::new(decoder, 2, &options, decode).unwrap();
        fewer += usize::from(generation.needed().is_some());
        let best = pollster::block_on(generation.run()).unwrap();
        for (all, best) in all.sequences.iter().zip(&best.sequences) {
            assert_eq!(all.token_ids, best.token_ids, "{options:?}");
            assert!((all.score - best.score).abs() < 2e-5, "{options:?}");
        }
    }
    assert!(fewer > 10, "{fewer}");
}

#[test]
fn batch_items_do_not_influence_each_other() {
    let search = search();
    for (name, case) in &search.cases {
        let options = options(&case.options);
        let per_item = options.num_return_sequences;
        for (item, expected) in case.sequences.chunks(per_item).enumerate() {
            let alone = run(&search, &case.prompts[item..=item], &options);
            assert_sequences(
                &format!("{name}, item {item} alone"),
                &alone.sequences,
                expected,
            );
        }
    }
}

#[test]
fn tokens_come_step_by_step_and_add_up_to_the_sequences() {
    let search = search();
    for name in ["greedy", "beam_4_length_penalty_0.6"] {
        let case = &search.cases[name];
        let options = options(&case.options);
        let decoder = TableDecoder::new(&search, &case.prompts);
        let mut generation =
            Generation::new(decoder, case.prompts.len(), &options, decode).unwrap();
        let mut tokens = Vec::new();
        pollster::block_on(async {
            if options.num_beams == 1 {
                let first = generation.step().await.unwrap().unwrap();
                assert_eq!(
                    first.len(),
                    case.prompts.len(),
                    "one token a row in the first step"
                );
                tokens.extend(first);
            }
            while let Some(token) = generation.next().await.unwrap() {
                tokens.push(token);
            }
            assert_eq!(generation.next().await.unwrap(), None);
            assert_eq!(generation.step().await.unwrap(), None);
        });
        for (index, sequence) in generation.into_output().sequences.iter().enumerate() {
            let own: Vec<_> = tokens.iter().filter(|p| p.sequence == index).collect();
            let ids: Vec<u32> = own.iter().map(|p| p.token_id).collect();
            let text: String = own.iter().map(|p| p.text.as_str()).collect();
            assert_eq!(ids, sequence.token_ids, "{name}");
            assert_eq!(text, sequence.text, "{name}");
            if options.num_beams == 1 {
                assert_eq!(own.iter().map(|p| p.logprob).sum::<f32>(), sequence.score);
            }
        }
    }
}

#[test]
fn processed_distributions_equal_transformers() {
    #[derive(Deserialize)]
    struct File {
        logits: Vec<f32>,
        decoder_ids: Vec<u32>,
        cases: Vec<Distribution>,
    }
    #[derive(Deserialize)]
    struct Distribution {
        options: Value,
        probabilities: Vec<f32>,
    }
    let file: File = serde_json::from_str(DISTRIBUTIONS).unwrap();
    assert!(file.cases.len() >= 12);
    for case in file.cases {
        let options = options(&case.options);
        let mut scores = file.logits.clone();
        processors::Processors::new(&options).apply(&file.decoder_ids, None, &mut scores);
        processors::Warpers::new(&options).apply(&mut scores);
        let found = log_softmax(&scores).unwrap();
        for (id, (found, expected)) in found.iter().zip(&case.probabilities).enumerate() {
            let found = found.exp();
            assert!(
                (found - expected).abs() < 2e-6 && (found == 0.0) == (*expected == 0.0),
                "{}: token {id}: {found} instead of {expected}",
                case.options
            );
        }
    }
}

#[test]
fn samples_follow_the_distribution_and_the_seed() {
    let logits = [0.3_f32, -1.0, 1.2, f32::NEG_INFINITY, 0.0];
    let probabilities: Vec<f32> = log_softmax(&logits)
        .unwrap()
        .iter()
        .map(|x| x.exp())
        .collect();
    let mut sampler = search::Sampler::new(7, 0);
    let draws: Vec<usize> = (0..40_000)
        .map(|_| sampler.draw(&logits).unwrap())
        .collect();
    for (id, probability) in probabilities.iter().enumerate() {
        let share = draws.iter().filter(|&&d| d == id).count() as f32 / draws.len() as f32;
        // 4 standard deviations of a share are below 0.01 here.
        assert!(
            (share - probability).abs() < 0.01,
            "token {id}: {share} instead of {probability}"
        );
        assert!(*probability > 0.0 || share == 0.0);
    }
    let again = |seed, stream| {
        let mut sampler = search::Sampler::new(seed, stream);
        (0..20)
            .map(|_| sampler.draw(&logits).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(again(7, 0), draws[..20]);
    assert_ne!(again(8, 0), draws[..20]);
    assert_ne!(again(7, 1), draws[..20]);
    // The numbers themselves: the same on every platform and in every version.
    let even = [0.0_f32; 1000];
    let mut sampler = search::Sampler::new(42, 0);
    let first: Vec<usize> = (0..4).map(|_| sampler.draw(&even).unwrap()).collect();
    assert_eq!(first, [755, 210, 633, 63]);
    assert_eq!(sampler.draw(&[f32::NEG_INFINITY; 3]), None);
}

#[test]
fn several_samples_of_a_prompt_differ_and_repeat() {
    let search = search();
    let overrides = Overrides {
        temperature: Some(1.3),
        num_return_sequences: Some(5),
        seed: Some(11),
        ..Overrides::default()
    };
    let options = GenerationOptions::default().with(&overrides).unwrap();
    let output = run(&search, &[0, 3], &options);
    assert_eq!(output.sequences.len(), 10);
    assert_eq!(output, run(&search, &[0, 3], &options));
    assert_eq!(
        output.sequences[..5],
        run(&search, &[0], &options).sequences
    );
    let distinct: std::collections::BTreeSet<_> =
        output.sequences.iter().map(|s| &s.token_ids).collect();
    assert!(distinct.len() > 5, "{} different samples", distinct.len());
    let other = GenerationOptions {
        seed: 12,
        ..options
    };
    assert_ne!(output, run(&search, &[0, 3], &other));
}

#[test]
fn stop_strings_end_greedy_search_and_beams() {
    let search = search();
    for (num_beams, name) in [(1, "greedy"), (4, "beam_4")] {
        let expected = &search.cases[name].sequences[3].token_ids;
        let stop = format!("{} {}", expected[3], expected[4]);
        let options = GenerationOptions {
            max_new_tokens: 14,
            num_beams,
            stop: vec!["never comes".to_string(), stop],
            ..GenerationOptions::default()
        };
        let stopped = run(&search, &[3], &options).sequences.remove(0);
        assert!(stopped.text.len() < decode(&stopped.token_ids).unwrap().len());
        if num_beams == 1 {
            assert_eq!(stopped.finish_reason, FinishReason::Stop);
            assert_eq!(stopped.token_ids, expected[..5]);
            assert_eq!(stopped.text, decode(&expected[..3]).unwrap());
        }
    }
}

#[test]
fn text_is_held_back_until_it_is_certain() {
    let mut stream = TextStream::new(&["END".to_string(), "DONE".to_string()]);
    let mut shown = |text: &str, last| {
        let chunk = stream.push(text, last);
        (chunk.text, chunk.stopped)
    };
    let piece = |text: &str| (text.to_string(), false);
    assert_eq!(shown("caf\u{fffd}", false), piece(""));
    assert_eq!(shown("café", false), piece("café"));
    assert_eq!(shown("café E", false), piece(" "));
    assert_eq!(shown("café EN", false), piece(""));
    assert_eq!(shown("café ENTRY D", false), piece("ENTRY "));
    assert_eq!(shown("café ENTRY DOEN", false), piece("DO"));
    assert_eq!(shown("café ENTRY DOEND more", false), (String::new(), true));
    let mut stream = TextStream::new(&["END".to_string()]);
    assert_eq!(stream.push("x EN", true).text, "x EN");
    let mut stream = TextStream::new(&[]);
    assert_eq!(stream.push("broken \u{fffd}", true).text, "broken \u{fffd}");
}

#[test]
fn broken_scores_and_impossible_options_are_errors() {
    struct Broken(Vec<f32>);
    impl Decoder for Broken {
        async fn step(&mut self, _: &[u32], _: Option<usize>) -> Result<Scores> {
            Ok(Scores::All(Logits {
                vocab_size: 3,
                values: self.0.clone(),
            }))
        }
        fn select_rows(&mut self, _: &[usize]) -> Result<()> {
            Ok(())
        }
    }
    for num_beams in [1, 2] {
        let options = GenerationOptions {
            num_beams,
            no_repeat_ngram_size: 1,
            eos_token_ids: vec![],
            ..GenerationOptions::default()
        };
        let run = |values: &[f32]| {
            let decoder = Broken(values.to_vec());
            let generation = Generation::new(decoder, 1, &options, decode).unwrap();
            pollster::block_on(generation.run()).unwrap_err()
        };
        let error = run(&[0.0, f32::NAN, 1.0]);
        assert_eq!(error.code(), "NotFinite", "not a lost device");
        let message = error.to_string();
        assert!(message.contains("1 of 3 next-token scores"), "{message}");
        let message = run(&[0.0, 1.0]).to_string();
        assert!(
            message.contains("2 scores, expected 1 rows of 3"),
            "{message}"
        );
    }
    // Three tokens, none of which may come twice: nothing is left for the third step.
    let options = GenerationOptions {
        no_repeat_ngram_size: 1,
        eos_token_ids: vec![],
        ..GenerationOptions::default()
    };
    let generation = Generation::new(Broken(vec![0.5, 0.1, 0.2]), 1, &options, decode).unwrap();
    let error = pollster::block_on(generation.run()).unwrap_err();
    assert_eq!(error.code(), "InvalidInput");
}
