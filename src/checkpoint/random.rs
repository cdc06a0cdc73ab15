//! A model of any size with random weights: for measuring what needs no meaning, such as speed, memory and streaming.

use super::shards::{ShardWriter, specs};
use super::slots::Slot;
use crate::error::Result;
use crate::formats::blocks::QuantFormat;
use crate::formats::safetensors::{ElementType, TensorSpec};
use half::f16;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::path::Path;

/// Bytes that are made at once.
const CHUNK: usize = 8 << 20;

/// Writes a tensor for each slot, drawn so that activations stay of one size; the same for the same seed. `indexed` as in
/// [`ShardWriter::new`], `progress` gets tensors written and tensors in all.
///
/// # Errors
/// [`crate::Error::Io`] when a file cannot be written.
pub fn write_random(
    slots: &[Slot],
    seed: u64,
    folder: &Path,
    shard_size: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let tensors: Vec<TensorSpec> = slots.iter().flat_map(of_slot).collect();
    let indexed = slots.iter().any(|slot| slot.format.is_some());
    let mut writer = ShardWriter::new(folder, &tensors, shard_size, indexed)?;
    for (i, slot) in slots.iter().enumerate() {
        // Each tensor has a seed of its own: it does not matter what comes before it.
        let mut rng = Pcg64Mcg::seed_from_u64(seed ^ (i as u64) << 32);
        match slot.format {
            Some(format) => blocks_of(slot, format, &mut rng, &mut writer)?,
            None => floats_of(slot, &mut rng, &mut writer)?,
        }
        progress(i as u64 + 1, slots.len() as u64);
    }
    writer.finish()
}

fn of_slot(slot: &Slot) -> Vec<TensorSpec> {
    specs(slot, ElementType::F32)
}

/// Standard deviation of a matrix' values, and of vectors, which are norms or biases, the constant.
enum Values {
    Spread(f32),
    All(f32),
}

fn values_of(slot: &Slot) -> Values {
    let name = slot.name.as_str();
    match slot.shape[..] {
        [_] if name.ends_with(".bias") => Values::All(0.0),
        [_] => Values::All(1.0),
        _ if name.ends_with("shared.weight") => Values::Spread(1.0),
        _ if name.ends_with("relative_attention_bias.weight") => Values::Spread(0.1),
        _ if name.ends_with("position_embedding.weight") => Values::Spread(0.02),
        _ => {
            let fan_in = slot.shape[1..].iter().product::<usize>() as f32;
            // T5 does not scale its scores: its queries start smaller.
            let queries = name.ends_with("Attention.q.weight");
            Values::Spread(fan_in.powf(-0.5) * if queries { 0.125 } else { 1.0 })
        }
    }
}

fn floats_of(slot: &Slot, rng: &mut Pcg64Mcg, writer: &mut ShardWriter) -> Result<()> {
    let values = values_of(slot);
    let (mut first, mut left) = (0, slot.len());
    while left > 0 {
        let count = left.min(CHUNK / 4);
        let mut bytes = Vec::with_capacity(4 * count);
        for _ in 0..count {
            let value = match values {
                Values::All(value) => value,
                // Evenly spread over ±√3 has a standard deviation of 1.
                Values::Spread(std) => {
                    let even = rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0;
                    std * 3f32.sqrt() * even
                }
            };
            bytes.extend(value.to_le_bytes());
        }
        writer.write(&slot.name, first, &bytes)?;
        first += bytes.len() as u64;
        left -= count;
    }
    Ok(())
}

/// Integers of all values alike, and one scale for all blocks.
fn blocks_of(
    slot: &Slot,
    format: QuantFormat,
    rng: &mut Pcg64Mcg,
    writer: &mut ShardWriter,
) -> Result<()> {
    let (std, deviation) = match (values_of(slot), format) {
        (Values::Spread(std), QuantFormat::Q4) => (std, 16.0 / 12f32.sqrt()),
        (Values::Spread(std), QuantFormat::Q8) => (std, 256.0 / 12f32.sqrt()),
        (Values::All(value), _) => (value, 1.0),
    };
    let [words, scales] = &of_slot(slot)[..] else {
        return Ok(());
    };
    let mut first = 0;
    while first < words.bytes() {
        let mut bytes = vec![0; (words.bytes() - first).min(CHUNK as u64) as usize];
        rng.fill_bytes(&mut bytes);
        writer.write(&words.name, first, &bytes)?;
        first += bytes.len() as u64;
    }
    let scale = f16::from_f32(std / deviation).to_le_bytes();
    writer.write(&scales.name, 0, &scale.repeat(scales.bytes() as usize / 2))
}
