"""Seeded random weights for the tiny reference checkpoints, and writing them as published checkpoints are written.

The spreads are wider than a fresh initialisation: norm weights differ from 1, biases and relative position biases
differ from 0, attention is neither flat nor one-hot. A port that forgets one of them cannot pass by luck.
"""

import json
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import (
    SiglipConfig,
    SiglipModel,
    SiglipVisionConfig,
    SiglipVisionModel,
    T5Config,
    T5ForConditionalGeneration,
)

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def siglip_std(name, shape):
    """(mean, standard deviation) of a SigLIP vision tensor, by its name without prefix."""
    if name.endswith("bias"):
        return 0.0, 0.2
    if re.search(r"(layer_norm\d|layernorm)\.weight$", name):
        return 1.0, 0.3
    if name == "embeddings.position_embedding.weight":
        return 0.0, 0.5
    if name == "head.probe":
        return 0.0, 1.0
    fan_in = int(np.prod(shape[1:]))
    sharp = re.search(r"(q_proj|k_proj|in_proj_weight|patch_embedding)", name) is not None
    return 0.0, (1.5 if sharp else 1.0) * fan_in**-0.5


def t5_std(name, shape, config, tied):
    """(mean, standard deviation) of a T5 tensor. Attention is unscaled in T5, so `q` carries d_kv^-0.5."""
    if name.endswith("layer_norm.weight"):
        # A tied head multiplies by d_model^-0.5 and has small rows (below): this spreads its logits enough.
        return (5.0, 1.5) if tied and name.startswith("decoder.final") else (1.0, 0.3)
    if name.endswith("relative_attention_bias.weight"):
        return 0.0, 1.0
    if name == "shared.weight":
        # Tied to the head, large rows would make every token predict itself.
        return 0.0, 0.4 if tied else 1.0
    if name == "lm_head.weight":
        return 0.0, 4.0 * config.d_model**-0.5
    if name.endswith(".q.weight"):
        return 0.0, 1.5 * (config.d_model * config.d_kv) ** -0.5
    return 0.0, 1.5 * shape[1] ** -0.5


def draw(shapes, spread, seed):
    """One tensor per (name, shape), in the order of the names, from one seeded generator."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name in sorted(shapes):
        mean, std = spread(name, shapes[name])
        values = mean + std * rng.standard_normal(shapes[name])
        tensors[name] = torch.from_numpy(values.astype(np.float32))
    return tensors


def siglip_weights(config_json, seed):
    """Weights of a SigLIP vision tower under transformers 5's names (no prefix)."""
    with torch.device("meta"):
        model = SiglipVisionModel(SiglipVisionConfig(**config_json))
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    return draw(shapes, siglip_std, seed)


def two_towers_std(name, shape):
    """The same for a tensor of both towers, by its published name."""
    if name == "logit_scale":
        return 1.5, 0.0
    if name == "logit_bias":
        return -1.0, 0.0
    if name.endswith("embedding.weight") and name.startswith("text_model."):
        return 0.0, 0.7
    if name == "text_model.final_layer_norm.weight":
        return 1.0, 0.3
    return siglip_std(name.split(".", 1)[1], shape)


def two_towers_weights(config_json, seed):
    """Weights of a SiglipModel under its published names."""
    with torch.device("meta"):
        model = SiglipModel(SiglipConfig(**config_json))
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    return draw(shapes, two_towers_std, seed)


def t5_weights(config_json, seed):
    """Weights of a T5 under its published names: `shared.weight` once, `lm_head.weight` only when untied."""
    config = T5Config(**config_json)
    tied = config_json.get("tie_word_embeddings") is not False
    with torch.device("meta"):
        model = T5ForConditionalGeneration(config)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters() if "embed_tokens" not in name}
    if tied:
        shapes.pop("lm_head.weight", None)
    else:
        shapes["lm_head.weight"] = (config.vocab_size, config.d_model)
    weights = draw(shapes, lambda name, shape: t5_std(name, shape, config, tied), seed)
    # A louder </s>, so that some hypotheses end before the length limit.
    weights["shared.weight" if tied else "lm_head.weight"][1] *= 1.5
    return weights


def add_prefix(prefix, tensors):
    return {prefix + name: tensor for name, tensor in tensors.items()}


def save_checkpoint(folder, config_json, tensors, dtype="F32", shards=1):
    """Writes `config.json` and `model.safetensors`, or that many shards with their index."""
    folder = Path(folder)
    write_json(folder / "config.json", config_json)
    tensors = {name: t.to(DTYPES[dtype]).contiguous() for name, t in tensors.items()}
    metadata = {"format": "pt"}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata)
        return
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    names = sorted(tensors)
    bounds, done, part = [[] for _ in range(shards)], 0, 0
    for name in names:
        bounds[part].append(name)
        done += tensors[name].numel() * tensors[name].element_size()
        if done >= total * (part + 1) / shards and part + 1 < shards:
            part += 1
    weight_map = {}
    for i, members in enumerate(bounds):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        save_file({n: tensors[n] for n in members}, folder / file, metadata)
        weight_map.update({n: file for n in members})
    write_json(
        folder / "model.safetensors.index.json",
        {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))},
    )


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(model_class, folder):
    """HF's own reading of a folder, in f32 with the plain (eager) attention; refuses missing or left-over tensors."""
    model, info = model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[key]:
            raise SystemExit(f"{folder}: {key}: {sorted(info[key])}")
    return model.eval()
