//! The best tokens of rows of scores.

use super::{Distribution, LARGE_VOCABULARY, Run, tensor};
use crate::compute::best_tokens;
use crate::error::Result;
use crate::testing::Check;

/// Tokens of the vocabulary, and how many of them are looked for.
const CASES: &[(usize, usize)] = &[
    (1, 1),
    (7, 7),
    (300, 5),
    (32_128, 2),
    (32_128, 80),
    (LARGE_VOCABULARY, 2),
];

pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    for &(vocabulary, count) in CASES {
        best(vocabulary, count, run).await?;
    }
    Ok(())
}

/// The best of three rows of scores, with equals among them, against a sort.
async fn best(vocabulary: usize, count: usize, run: &mut Run<'_>) -> Result<()> {
    // Rounded to quarters: most scores have an equal.
    let scores: Vec<f32> = Distribution::Even
        .values(3 * vocabulary, &mut run.rng)
        .into_iter()
        // Adding zero: the sort would put -0 behind 0, which are equals.
        .map(|x| (x * 40.0).round() / 4.0 + 0.0)
        .collect();
    let tensor = tensor(&scores, [3, vocabulary], run.device);
    let name = format!("best {count} of {vocabulary}");
    let Some(found) = best_tokens(&tensor, count) else {
        run.checks.push(Check::equal(name, &"nothing", &"tokens"));
        return Ok(());
    };
    for (row, found) in scores.chunks(vocabulary).zip(found.read().await?) {
        let mut order: Vec<u32> = (0..vocabulary as u32).collect();
        order.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
        order.truncate(count);
        run.checks
            .push(Check::equal(&name, &found.token_ids, &order));
        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        let expected = [row[order[0] as usize], sum.ln() as f32];
        let found = [found.logits[0], found.log_sum_exp];
        run.checks
            .push(Check::values(&name, &found, &expected, 1e-5));
    }
    Ok(())
}
