"""The cases: configurations as published checkpoints write them, inputs, and what each case is for.

A case is a function of its seed that returns what `models.py` writes; the seed beside it was found by
`models.py --search NAME` (the first one whose generated ids are stable and varied).
"""

import numpy as np
import torch
from transformers import MT5ForConditionalGeneration, SiglipVisionModel, T5ForConditionalGeneration

import models_generate as gen
import models_pali3 as pali3
import models_record as record
import models_siglip
import models_weights as weights

VOCAB, START, EOS, PAD = 96, 0, 1, 0


class Result:
    """What a case leaves besides its checkpoint."""

    def __init__(self, kind):
        self.kind, self.tensors, self.variants, self.generation, self.more = kind, {}, [], [], {}

    def add(self, variant, tensors, **facts):
        """Stores a variant's tensors; the default variant ("") has no prefix."""
        prefix = f"{variant}/" if variant else ""
        self.tensors |= {prefix + name: t for name, t in tensors.items()}
        self.variants.append({"name": variant, **facts})


def pixels(rng, height, width):
    return torch.from_numpy(rng.uniform(-1, 1, (1, 3, height, width)).astype(np.float32))


def siglip(folder, seed, config, sizes, prefix="", dtype="F32"):
    """sizes: variant -> (height, width, interpolate_pos_encoding)."""
    tensors = weights.add_prefix(prefix, weights.siglip_weights(config, seed))
    weights.save_checkpoint(folder, config, tensors, dtype)
    model = weights.load(SiglipVisionModel, folder)
    rng = np.random.default_rng(seed + 1000)
    result = Result("siglip")
    for variant, (height, width, interpolate) in sizes.items():
        pixel_values = pixels(rng, height, width)
        seen = record.record_vision(model, pixel_values, interpolate)
        result.add(variant, {"pixel_values": pixel_values, **seen}, interpolate_pos_encoding=interpolate)
    return result


def siglip_patch16(folder, seed):
    config = {
        "hidden_size": 32, "image_size": 64, "intermediate_size": 52, "model_type": "siglip_vision_model",
        "num_attention_heads": 4, "num_hidden_layers": 2,
    }  # fmt: skip
    return siglip(folder, seed, config, {"": (64, 64, False)}, "vision_model.", "F16")


def siglip_patch14(folder, seed):
    config = {
        "hidden_size": 24, "image_size": 56, "intermediate_size": 41, "model_type": "siglip_vision_model",
        "num_attention_heads": 2, "num_hidden_layers": 3, "patch_size": 14, "vision_use_head": False,
    }  # fmt: skip
    return siglip(folder, seed, config, {"": (56, 56, False)})


def siglip_nonsquare(folder, seed):
    config = {
        "hidden_size": 32, "image_size": 32, "intermediate_size": 52, "model_type": "siglip_vision_model",
        "num_attention_heads": 4, "num_hidden_layers": 2, "patch_size": 8,
    }  # fmt: skip
    sizes = {
        "": (32, 32, True),
        "nonsquare": (16, 64, True),  # as many patches as the table has, but 2×8
        "large": (40, 40, True),
        "remainder": (26, 43, True),  # 3×5 patches, 2 rows and 3 columns of pixels unused
    }
    return siglip(folder, seed, config, sizes, "vision_model.", "F16")


def siglip_two_towers(folder, seed):
    # As giant-opt: a text tower of another width, whose head makes it the picture's. Only what differs from the defaults.
    vision = {
        "hidden_size": 32, "image_size": 32, "intermediate_size": 52, "model_type": "siglip_vision_model",
        "num_attention_heads": 4, "num_hidden_layers": 2, "patch_size": 8,
    }  # fmt: skip
    text = {
        "hidden_size": 24, "intermediate_size": 44, "max_position_embeddings": 16, "model_type": "siglip_text_model",
        "num_attention_heads": 3, "num_hidden_layers": 2, "projection_size": 32, "vocab_size": VOCAB,
    }  # fmt: skip
    config = {"architectures": ["SiglipModel"], "model_type": "siglip", "text_config": text, "vision_config": vision}
    return models_siglip.two_towers(folder, seed, config, Result("siglip-two-towers"))


def t5_config(activation, **changes):
    """T5 1.1's keys as transformers 4 wrote them. A change to None leaves the key out."""
    config = {
        "architectures": ["T5ForConditionalGeneration"], "d_ff": 40, "d_kv": 8, "d_model": 32,
        "decoder_start_token_id": START, "dropout_rate": 0.1, "eos_token_id": EOS, "feed_forward_proj": activation,
        "initializer_factor": 1.0, "is_encoder_decoder": True, "layer_norm_epsilon": 1e-06, "model_type": "t5",
        "num_decoder_layers": 2, "num_heads": 3, "num_layers": 2, "output_past": True, "pad_token_id": PAD,
        "relative_attention_num_buckets": 32, "vocab_size": VOCAB,
    }  # fmt: skip
    config |= changes
    return {k: v for k, v in config.items() if v is not None}


def text_ids(rng, length):
    return rng.integers(3, VOCAB, length - 1).tolist() + [EOS]


def batch(rows, left=()):
    """Padded ids and mask; the rows numbered in `left` are padded on the left. Also lists the padding."""
    longest = max(map(len, rows))
    ids, mask, padding = [], [], []
    for i, row in enumerate(rows):
        gap = longest - len(row)
        fill, ones = [PAD] * gap, [1] * len(row)
        ids.append(fill + row if i in left else row + fill)
        mask.append([0] * gap + ones if i in left else ones + [0] * gap)
        if gap:
            padding.append({"row": i, "from": 0 if i in left else len(row), "to": gap if i in left else longest})
    return torch.tensor(ids), torch.tensor(mask), padding


def targets(rng, rows, length):
    return torch.from_numpy(
        np.concatenate([np.zeros((rows, 1), np.int64), rng.integers(2, VOCAB, (rows, length - 1))], 1)
    )


def t5(
    folder, seed, config, rows, decoder_length, entries, more_tensors=None, dtype="F32", left=(), use_cache=True, long=0
):
    """One batch of token rows under the default variant; `long`: length of an extra single row, variant "long"."""
    tensors = weights.t5_weights(config, seed)
    saved = tensors | (more_tensors(tensors) if more_tensors else {})
    weights.save_checkpoint(folder, config, saved, dtype)
    model = weights.load(T5ForConditionalGeneration, folder)
    rng = np.random.default_rng(seed + 1000)
    ids, mask, padding = batch([text_ids(rng, n) if isinstance(n, int) else n(rng) for n in rows], left)
    result = Result("t5")
    decoder_ids = targets(rng, len(rows), decoder_length)
    inputs = {"input_ids": ids, "attention_mask": mask}
    for name, options in entries.items():
        result.generation.append(gen.generate(model, name, "", inputs, options, use_cache))
    gen.check_variety(result.generation)
    seen = record.record_t5(model, mask, decoder_ids, input_ids=ids)
    result.add("", {**inputs, "decoder_input_ids": decoder_ids, **seen}, padding=padding)
    if long:
        ids, mask, _ = batch([text_ids(rng, long)])
        decoder_ids = targets(rng, 1, 6)
        seen = record.record_t5(model, mask, decoder_ids, input_ids=ids)
        seen = {n: t for n, t in seen.items() if ".block." not in n}
        result.add(
            "long", {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": decoder_ids, **seen}, padding=[]
        )
    return result


def t5_gated_gelu_untied(folder, seed):
    # More decoder than encoder layers: HF's cached generation fails there, so it runs without its cache.
    config = t5_config("gated-gelu", tie_word_embeddings=False, num_decoder_layers=3)
    entries = gen.GREEDY | gen.PROCESSORS | gen.BEAMS | gen.BEAM_MIN_NEW_TOKENS
    return t5(folder, seed, config, [45], 24, entries, use_cache=False, long=100)


def t5_gated_silu_tied(folder, seed):
    # google/ul2: no tie key (so tied and scaled), BF16.
    config = t5_config("gated-silu", num_decoder_layers=3)
    entries = gen.GREEDY | gen.PROCESSORS | {n: gen.BEAMS[n] for n in ("beam2", "beam4-lp1", "beam4-lp2")}
    return t5(folder, seed, config, [42], 20, entries, dtype="BF16", use_cache=False)


def t5_relu_tied(folder, seed):
    # t5-small: no num_decoder_layers, short distances (8 buckets up to 20), and the stray tensor its file carries.
    config = t5_config(
        "relu", num_decoder_layers=None, relative_attention_num_buckets=8, relative_attention_max_distance=20
    )
    stray = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    entries = gen.GREEDY | gen.BEAM_PROCESSORS | {n: gen.BEAMS[n] for n in ("beam2", "beam4-lp0.6")}
    return t5(folder, seed, config, [48], 30, entries, lambda _: {stray: torch.full((8, 3), 0.5)})


def t5_padded(folder, seed):
    # Row 3 is row 2 padded on the left: relative positions make their real tokens equal.
    config = t5_config("gated-gelu", tie_word_embeddings=False)
    kept = []

    def short(rng):
        kept.append(text_ids(rng, 11))
        return kept[0]

    def copies(tensors):
        return {f"{side}.embed_tokens.weight": tensors["shared.weight"].clone() for side in ("encoder", "decoder")}

    entries = gen.GREEDY | {n: gen.BEAMS[n] for n in ("beam2", "beam4-lp1-early")}
    rows = [30, 22, short, lambda _: kept[0]]
    return t5(folder, seed, config, rows, 14, entries, copies, "F16", left=(3,))


def mt5_prompts(folder, seed):
    # mT5: its own model_type; the decoder's start in generation_config.json alone. With a tokenizer, so that text goes in
    # and comes out.
    config = t5_config(
        "gated-gelu",
        architectures=["MT5ForConditionalGeneration"],
        decoder_start_token_id=None,
        model_type="mt5",
        tie_word_embeddings=False,
    )
    weights.save_checkpoint(folder, config, weights.t5_weights(config, seed), "F16")
    ends = {"decoder_start_token_id": START, "eos_token_id": EOS, "pad_token_id": PAD}
    weights.write_json(folder / "generation_config.json", ends)
    model = weights.load(MT5ForConditionalGeneration, folder)
    tokenizer = pali3.build_tokenizer(newer=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    rng = np.random.default_rng(seed + 1000)
    result = Result("t5")
    entries = gen.GREEDY | {n: gen.BEAMS[n] for n in ("beam2", "beam4-lp1", "beam4-lp0.6-never")}
    prompts = {"": "how many red shapes are there?", "other": "translate: <extra_id_0> the circle is green"}
    for variant, text in prompts.items():
        ids, mask, padding = batch([tokenizer.encode(text).ids])
        inputs = {"input_ids": ids, "attention_mask": mask}
        for name, options in entries.items():
            entry = gen.generate(model, name, variant, inputs, options, use_cache=True)
            entry["texts"] = [tokenizer.decode(s, skip_special_tokens=True) for s in entry["sequences"]]
            result.generation.append(entry)
        decoder_ids = targets(rng, 1, 9)
        seen = record.record_t5(model, mask, decoder_ids, input_ids=ids)
        if variant:
            seen = {n: t for n, t in seen.items() if ".block." not in n}
        inputs["decoder_input_ids"] = decoder_ids
        result.add(variant, inputs | seen, prompts=[text], visual_tokens=0, padding=padding)
    gen.check_variety(result.generation)
    return result


def pali3_case(folder, seed, config, prompts, size, resample, newer, entries, dtype="F32", shards=1, generation=None):
    tensors = pali3.pali3_weights(config, seed)
    weights.save_checkpoint(folder, config, tensors, dtype, shards)
    rounded = {n: t.to(weights.DTYPES[dtype]).float() for n, t in tensors.items()}
    model = pali3.Pali3(config, rounded)
    weights.write_json(folder / "preprocessor_config.json", pali3.preprocessor_config(size, resample))
    ends = {"decoder_start_token_id": START, "eos_token_id": EOS, "pad_token_id": PAD}
    weights.write_json(folder / "generation_config.json", ends | (generation or {}))
    tokenizer = pali3.build_tokenizer(newer)
    tokenizer.save(str(folder / "tokenizer.json"))
    image = pali3.picture(70, 50, seed)
    image.save(folder / "image.png")
    (folder / "image.rgb").write_bytes(image.tobytes())
    upright = pali3.preprocess(folder, image)
    mirrored = pali3.preprocess(folder, image.transpose(pali3.Image.Transpose.FLIP_LEFT_RIGHT))

    result = Result("pali3")
    result.more["image"] = {"png": "image.png", "rgb": "image.rgb", "width": image.width, "height": image.height}
    result.more["tokenization"] = pali3.tokenization_table(tokenizer)
    rng = np.random.default_rng(seed + 1000)
    use_cache = config["text_config"]["num_decoder_layers"] == config["text_config"]["num_layers"]
    plan = {
        "": (prompts[:1], upright),
        "text-only": (prompts[:1], None),
        "image-only": ([""], upright),
        "batch": (prompts, torch.cat([upright, mirrored])),
        "two-pictures": (prompts[:1], torch.cat([upright, mirrored])),
    }
    for variant, (texts, pixel_values) in plan.items():
        if variant not in entries:
            continue
        ids, mask, padding = batch([tokenizer.encode(text).ids for text in texts])
        seen, projected, visual = {}, None, 0
        if pixel_values is not None:
            seen = record.record_vision(model.vision, pixel_values)
            tokens = seen["vision.last_hidden_state"]
            if variant:  # the default variant shows the tower's inside
                seen = {}
            projected = model.project(tokens)
            if variant:  # the default variant shows the tower's inside
                seen = {}
            seen |= {"pixel_values": pixel_values, "visual_tokens": tokens, "projected_visual_tokens": projected}
            if variant == "two-pictures":  # of one prompt: their tokens stand one after the other
                projected = projected.flatten(0, 1).unsqueeze(0)
            visual = projected.shape[1]
        embeds = model.embed(ids, projected)
        full_mask = torch.cat([torch.ones(len(texts), visual, dtype=mask.dtype), mask], 1)
        inputs = {"inputs_embeds": embeds, "attention_mask": full_mask}
        for name, options in entries[variant].items():
            entry = gen.generate(model.language, name, variant, inputs, options, use_cache)
            entry["texts"] = [tokenizer.decode(s, skip_special_tokens=True) for s in entry["sequences"]]
            result.generation.append(entry)
        decoder_ids = targets(rng, len(texts), 9)
        seen |= {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": decoder_ids}
        seen |= {"encoder.inputs_embeds": embeds, "encoder.attention_mask": full_mask}
        seen |= record.record_t5(model.language, full_mask, decoder_ids, inputs_embeds=embeds, weights=not variant)
        if variant and variant != "batch":
            seen = {n: t for n, t in seen.items() if ".block." not in n}
        for spot in padding:
            spot["from"], spot["to"] = spot["from"] + visual, spot["to"] + visual
        result.add(variant, seen, prompts=texts, visual_tokens=visual, padding=padding)
    gen.check_variety(result.generation)
    return result


def pali3_prepend(folder, seed):
    vision = {
        "hidden_size": 24, "image_size": 56, "intermediate_size": 41, "model_type": "siglip_vision_model",
        "num_attention_heads": 3, "num_hidden_layers": 2, "patch_size": 14, "vision_use_head": False,
    }  # fmt: skip
    config = {
        "architectures": ["Pali3ForConditionalGeneration"], "model_type": "pali3", "projector_bias": True,
        "text_config": t5_config("gated-gelu", tie_word_embeddings=False, architectures=None),
        "vision_config": vision,
    }  # fmt: skip
    beams = {n: gen.BEAMS[n] for n in ("beam2", "beam4-lp0.6", "beam4-lp2-never")}
    entries = {
        "": gen.GREEDY | gen.PROCESSORS | gen.MIN_NEW_TOKENS | beams,
        "text-only": gen.GREEDY | {"beam4-lp1": gen.BEAMS["beam4-lp1"]},
        "image-only": gen.GREEDY | {"beam2": gen.BEAMS["beam2"]},
        "batch": gen.GREEDY | {"beam2": gen.BEAMS["beam2"]},
        "two-pictures": gen.GREEDY | {"beam2": gen.BEAMS["beam2"]},
    }
    prompts = ["What colour is the circle?", "answer in en: how many red shapes are there"]
    return pali3_case(folder, seed, config, prompts, 56, 3, False, entries)


def pali3_tied_no_bias(folder, seed):
    vision = {
        "hidden_size": 24, "image_size": 64, "intermediate_size": 52, "model_type": "siglip_vision_model",
        "num_attention_heads": 4, "num_hidden_layers": 2, "patch_size": 16, "vision_use_head": False,
    }  # fmt: skip
    config = {
        "architectures": ["Pali3ForConditionalGeneration"], "model_type": "pali3", "projector_bias": False,
        "text_config": t5_config("gated-silu", architectures=None, num_decoder_layers=3),
        "vision_config": vision,
    }  # fmt: skip
    entries = {
        "": gen.GREEDY | {n: gen.BEAMS[n] for n in ("beam2", "beam4-lp1-early")},
        "text-only": gen.GREEDY,
    }
    prompts = ["is there a blue square in the picture?"]
    return pali3_case(folder, seed, config, prompts, 64, 2, True, entries, "F16", 3, {"max_new_tokens": 12})


CASES = {
    "siglip-patch16": (siglip_patch16, 1),
    "siglip-patch14": (siglip_patch14, 2),
    "siglip-nonsquare": (siglip_nonsquare, 3),
    "siglip-two-towers": (siglip_two_towers, 5),
    "t5-gated-gelu-untied": (t5_gated_gelu_untied, 4),
    "t5-gated-silu-tied": (t5_gated_silu_tied, 1),
    "t5-relu-tied": (t5_relu_tied, 71),
    "t5-padded": (t5_padded, 1),
    "mt5-prompts": (mt5_prompts, 4),
    "pali3-prepend": (pali3_prepend, 100),
    "pali3-tied-no-bias": (pali3_tied_no_bias, 27),
}
