"""Counts the parameters of every preset from HF's own models on the meta device (no memory, no weights).

    python tests/reference/counts.py     # prints a table and writes tests/fixtures/presets.json

Tied tensors count once. The presets' own configuration (only keys that differ from HF's defaults) is stored beside each
count, so that a test can compare both with the table in `src/`.
"""

import platform
from pathlib import Path

import torch
import transformers
from transformers import SiglipVisionConfig, SiglipVisionModel, T5Config, T5ForConditionalGeneration

from models_weights import write_json

VISION = {
    "base16": {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "image_size": 224, "patch_size": 16,
    },
    "so400m14": {
        "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
        "image_size": 224, "patch_size": 14,
    },
    "g14": {
        "hidden_size": 1664, "intermediate_size": 8192, "num_hidden_layers": 48, "num_attention_heads": 16,
        "image_size": 224, "patch_size": 14,
    },
}  # fmt: skip

# name: (d_model, d_ff, heads, layers); d_kv 64, gated-gelu, untied, 32,128 pieces.
T5_1_1 = {
    "t5-1.1-small": (512, 1024, 6, 8),
    "t5-1.1-base": (768, 2048, 12, 12),
    "t5-1.1-large": (1024, 2816, 16, 24),
    "t5-1.1-xl": (2048, 5120, 32, 24),
    "t5-1.1-xxl": (4096, 10240, 64, 24),
}


def vision_count(config, head):
    with torch.device("meta"):
        model = SiglipVisionModel(SiglipVisionConfig(**config, vision_use_head=head))
    return sum(p.numel() for p in model.parameters())


def t5_config(d_model, d_ff, heads, layers):
    return {
        "d_model": d_model, "d_ff": d_ff, "d_kv": 64, "num_heads": heads, "num_layers": layers, "vocab_size": 32128,
        "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
    }  # fmt: skip


def t5_count(config):
    """HF 5 builds every T5 with a tied head; an untied one has vocab_size × d_model parameters more."""
    with torch.device("meta"):
        model = T5ForConditionalGeneration(T5Config(**config))
    tied = sum(p.numel() for p in model.parameters())
    assert model.lm_head.weight is model.shared.weight
    return tied + config["vocab_size"] * config["d_model"]


def main():
    presets = {}
    for name, config in VISION.items():
        presets[name] = {
            "kind": "siglip",
            "config": config,
            "parameters": vision_count(config, True),
            "parameters_without_head": vision_count(config, False),
        }
    for name, shape in T5_1_1.items():
        config = t5_config(*shape)
        presets[name] = {"kind": "t5", "config": config, "parameters": t5_count(config)}
    vision, text = presets["g14"], presets["t5-1.1-xl"]
    linear = (vision["config"]["hidden_size"] + 1) * text["config"]["d_model"]
    presets["pali3-5b"] = {
        "kind": "pali3",
        "config": {
            "vision_config": vision["config"] | {"vision_use_head": False},
            "text_config": text["config"],
            "projector_bias": True,
        },
        "parameters_by_part": {
            "vision": vision["parameters_without_head"],
            "projector": linear,
            "language": text["parameters"],
        },
        "parameters": vision["parameters_without_head"] + linear + text["parameters"],
    }
    for name, preset in presets.items():
        without = preset.get("parameters_without_head")
        extra = f"   without head {without:>14,}" if without else ""
        print(f"{name:14} {preset['parameters']:>15,}{extra}")
    write_json(
        Path(__file__).resolve().parents[1] / "fixtures" / "presets.json",
        {
            "made_by": "python tests/reference/counts.py",
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__.split("+")[0],
                "transformers": transformers.__version__,
            },
            "presets": presets,
        },
    )


if __name__ == "__main__":
    main()
