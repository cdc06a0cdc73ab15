//! Worked examples, and what has to hold of any text.

use super::*;
use rand_pcg::Pcg64;
use std::collections::HashMap;

const EOS: u32 = 1;
const FIRST_SENTINEL: u32 = 32_099;
const TEXTS: u64 = 10_000;

fn ids() -> SpecialIds {
    SpecialIds {
        // One token, two, and none.
        modes: [
            (Mode::R, vec![900]),
            (Mode::X, vec![901, 902]),
            (Mode::S, vec![]),
        ],
        first_sentinel: FIRST_SENTINEL,
        sentinels: 100,
        eos: EOS,
    }
}

fn is_sentinel(id: u32) -> bool {
    (FIRST_SENTINEL - 99..=FIRST_SENTINEL).contains(&id)
}

/// A text, the task that it is drawn for, and the generator to go on with. Neighbouring texts differ in length.
fn case(index: u64) -> (Vec<u32>, Denoiser, Pcg64) {
    let mut rng = Pcg64::new(u128::from(index), 17);
    let length = rng.random_range(2..=512);
    let text = (0..length).map(|_| rng.random_range(2..800)).collect();
    (text, Denoiser::draw(&mut rng), rng)
}

/// The example without mode and end.
fn bare(denoiser: Denoiser, example: &Example) -> (Vec<u32>, Vec<u32>) {
    let ids = ids();
    let mode = ids.modes.iter().find(|(mode, _)| *mode == denoiser.mode);
    let (_, mode) = mode.unwrap();
    let input = example.input.strip_prefix(&mode[..]).expect("the mode");
    let input = input.strip_suffix(&[EOS]).expect("the input's end");
    let target = example.target.strip_suffix(&[EOS]).expect("the end");
    (input.to_vec(), target.to_vec())
}

/// The hidden spans, each behind its sentinel.
fn spans_of(target: &[u32]) -> Vec<(u32, Vec<u32>)> {
    let mut spans = vec![];
    for &id in target {
        match is_sentinel(id) {
            true => spans.push((id, vec![])),
            false => spans.last_mut().expect("a sentinel first").1.push(id),
        }
    }
    spans
}

/// The text that an example was made of.
fn restored(denoiser: Denoiser, example: &Example) -> Vec<u32> {
    let (input, target) = bare(denoiser, example);
    if let Corruption::End { .. } = denoiser.corruption {
        return [input, target].concat();
    }
    let mut spans: HashMap<u32, Vec<u32>> = spans_of(&target).into_iter().collect();
    let text = input.iter().flat_map(|&id| match is_sentinel(id) {
        true => spans.remove(&id).expect("its span, once"),
        false => vec![id],
    });
    let text = text.collect();
    assert!(spans.is_empty(), "spans without a place");
    text
}

#[test]
fn a_text_is_hidden_as_t5_s_paper_shows_it() {
    // Thank you for inviting me to your party last: "for inviting" and "last" are hidden.
    let text: Vec<u32> = (10..19).collect();
    let (x, y) = (FIRST_SENTINEL, FIRST_SENTINEL - 1);
    let (input, target) = hide(&text, &[[2, 2], [4, 1]], &ids()).unwrap();
    assert_eq!(input, [10, 11, x, 14, 15, 16, 17, y]);
    assert_eq!(target, [x, 12, 13, y, 18]);
}

#[test]
fn modes_come_first_and_ends_last() {
    let text: Vec<u32> = (10..18).collect();
    let mut rng = Pcg64::new(1, 1);
    let mut apply = |denoiser: Denoiser| denoiser.apply(&text, &ids(), &mut rng).unwrap();
    // A quarter of 8 is 2.
    let end = apply(DENOISERS[6]);
    assert_eq!(end.input, [10, 11, 12, 13, 14, 15, EOS]);
    assert_eq!(end.target, [16, 17, EOS]);
    // 0.15 · 8 is 1.2: one token, which is the last, since the text begins with what is kept and there is one span.
    let short = apply(DENOISERS[0]);
    let kept = [900, 10, 11, 12, 13, 14, 15, 16, FIRST_SENTINEL, EOS];
    assert_eq!(short.input, kept);
    assert_eq!(short.target, [FIRST_SENTINEL, 17, EOS]);
    // Half of it, in one span of 64 at the most.
    let long = apply(DENOISERS[5]);
    assert_eq!(long.input, [901, 902, 10, 11, 12, 13, FIRST_SENTINEL, EOS]);
    assert_eq!(long.target, [FIRST_SENTINEL, 14, 15, 16, 17, EOS]);
}

#[test]
fn numbers_round_as_tensorflow_rounds() {
    // 0.15 · 10 = 1.5 and 0.25 · 10 = 2.5 go to the even neighbour, 2; 0.5 · 3 = 1.5 too.
    assert_eq!(hidden(10, 0.15), 2);
    assert_eq!(hidden(10, 0.25), 2);
    assert_eq!(hidden(3, 0.5), 2);
    assert_eq!(hidden(2, 0.15), 1, "at least one");
    assert_eq!(hidden(2, 0.9), 1, "not all");
    assert_eq!(hidden(512, 0.15), 77);
    assert_eq!(hidden(512, 0.5), 256);
}

#[test]
fn every_text_comes_back_and_rates_and_spans_are_exact() {
    for index in 0..TEXTS {
        let (text, denoiser, mut rng) = case(index);
        let length = text.len();
        let example = denoiser.apply(&text, &ids(), &mut rng).unwrap();
        assert_eq!(restored(denoiser, &example), text, "text {index}");
        let (input, target) = bare(denoiser, &example);
        let Corruption::Spans { mean, rate } = denoiser.corruption else {
            let hidden = (length as f32 / 4.0).round_ties_even().max(1.0);
            assert_eq!(target.len(), hidden as usize, "text {index}");
            continue;
        };
        let hidden = (length as f32 * rate).round_ties_even() as usize;
        let hidden = hidden.clamp(1, length - 1);
        let count = ((hidden as f32 / mean).round_ties_even() as usize).max(1);
        let spans = spans_of(&target);
        assert_eq!(spans.len(), count, "text {index}: spans of {length} tokens");
        assert_eq!(target.len() - count, hidden, "text {index}: rate");
        assert_eq!(input.len(), length - hidden + count, "text {index}");
        for (number, (sentinel, span)) in spans.iter().enumerate() {
            assert_eq!(*sentinel, FIRST_SENTINEL - number as u32, "text {index}");
            assert!(!span.is_empty(), "text {index}");
        }
        // Spans neither overlap nor touch, and the text begins with what is kept.
        assert!(!is_sentinel(input[0]), "text {index}");
        let touch = |pair: &[u32]| is_sentinel(pair[0]) && is_sentinel(pair[1]);
        assert!(!input.windows(2).any(touch), "text {index}");
    }
}

#[test]
fn long_texts_have_the_mean_and_all_tasks_are_as_frequent() {
    let text: Vec<u32> = (0..512).map(|i| 2 + i).collect();
    let mut rng = Pcg64::new(5, 5);
    for denoiser in &DENOISERS[..6] {
        let Corruption::Spans { mean, .. } = denoiser.corruption else {
            panic!("{denoiser:?}");
        };
        let example = denoiser.apply(&text, &ids(), &mut rng).unwrap();
        let spans = spans_of(&bare(*denoiser, &example).1);
        let tokens: usize = spans.iter().map(|(_, span)| span.len()).sum();
        let found = tokens as f32 / spans.len() as f32;
        // What rounding the number of spans leaves: a single span of 77 tokens where 64 are the mean.
        assert!(
            (found / mean - 1.0).abs() < 0.21,
            "{found} instead of {mean}"
        );
    }
    let mut counts = [0_u32; 7];
    for index in 0..TEXTS {
        let (_, drawn, _) = case(index);
        let place = DENOISERS.iter().position(|denoiser| *denoiser == drawn);
        counts[place.unwrap()] += 1;
    }
    // Five standard deviations of a share of 1 in 7.
    let expected = TEXTS as f64 / 7.0;
    for count in counts {
        let off = (f64::from(count) - expected).abs();
        assert!(off < 5.0 * (expected * 6.0 / 7.0).sqrt(), "{counts:?}");
    }
}

#[test]
fn every_composition_is_as_probable() {
    let mut rng = Pcg64::new(9, 9);
    let mut counts: HashMap<Vec<usize>, u32> = HashMap::new();
    for _ in 0..TEXTS {
        let parts = composition(5, 3, &mut rng);
        assert_eq!(parts.iter().sum::<usize>(), 5);
        *counts.entry(parts).or_default() += 1;
    }
    // 5 as a sum of 3: 113 131 311 122 212 221.
    assert_eq!(counts.len(), 6);
    for (parts, count) in counts {
        let off = (f64::from(count) - TEXTS as f64 / 6.0).abs();
        assert!(off < 200.0, "{parts:?}: {count}");
    }
    assert_eq!(composition(1, 1, &mut rng), [1]);
    assert_eq!(composition(4, 1, &mut rng), [4]);
    assert_eq!(composition(4, 4, &mut rng), [1, 1, 1, 1]);
}

#[test]
fn a_seed_repeats_and_what_cannot_be_done_is_said() {
    let (text, _, rng) = case(3);
    let apply = |mut rng: Pcg64| DENOISERS[2].apply(&text, &ids(), &mut rng).unwrap();
    assert_eq!(apply(rng.clone()), apply(rng.clone()));
    assert_ne!(apply(rng.clone()), apply(Pcg64::new(4, 4)));
    let mut rng = rng;
    let error = DENOISERS[0].apply(&[7], &ids(), &mut rng).unwrap_err();
    assert_eq!(
        error.to_string(),
        "text: expected at least 2 tokens, found 1"
    );
    let few = SpecialIds {
        sentinels: 10,
        ..ids()
    };
    let text = vec![7; 100];
    let error = DENOISERS[2].apply(&text, &few, &mut rng).unwrap_err();
    assert_eq!(
        error.to_string(),
        "text: it has 17 hidden spans, but there are 10 sentinels"
    );
}
