"""The PaLI-3 composition from HF's parts, with its tiny tokenizer, picture and preprocessing.

HF has no PaLI-3. Ours is: SigLIP's patch tokens after the post norm, without pooling -> one linear layer -> put in
front of the embedded text tokens -> T5 encoder -> T5 decoder. The text's attention mask is extended by ones in front.
"""

import tempfile
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from PIL import Image, ImageDraw
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import SiglipVisionModel, T5ForConditionalGeneration
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

import models_weights as weights

VISION, PROJECTOR, LANGUAGE = "vision_tower.vision_model.", "multi_modal_projector.linear.", "language_model."

WORDS = """▁the ▁a ▁is ▁in ▁what ▁which ▁how ▁many ▁are ▁there ▁of ▁colour ▁shape ▁red ▁green ▁blue ▁yes ▁no
▁circle ▁square ▁answer ing er th an ▁en""".split()
CHARACTERS = list("▁abcdefghijklmnopqrstuvwxyz0123456789?.,:'-!ABEGW") + ["é", "ü", "猫"]
SENTINELS = 4  # <extra_id_0> … <extra_id_3>, descending, as T5 has them

# A few rules of the kind nmt_nfkc has, so that the file's Precompiled normalizer stays small.
NORMALIZATION = {
    "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ", "\ufb01": "fi", "\ufb02": "fl", "\u2026": "...",
    "\u2019": "'", "e\u0301": "é", "u\u0308": "ü", "\u00bd": "1/2", "\u200b": "",
    **{chr(0xFEE0 + ord(c)): c for c in "ABCabc0123?!"},
}  # fmt: skip


def precompiled_charsmap():
    """sentencepiece's compiled form of NORMALIZATION (as in the `normalizer_spec` of a trained model)."""
    from sentencepiece import sentencepiece_model_pb2 as pb2

    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.tsv"
        lines = ["\t".join(" ".join(f"{ord(c):X}" for c in side) for side in rule) for rule in NORMALIZATION.items()]
        rules.write_text("\n".join(lines) + "\n")
        text = Path(folder) / "text.txt"
        text.write_text("what is in the picture\na red circle\nhow many shapes are there\n" * 20)
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=f"{folder}/m", vocab_size=40, model_type="unigram",
            normalization_rule_tsv=str(rules), minloglevel=2, num_threads=1, hard_vocab_limit=False,
        )  # fmt: skip
        proto = pb2.ModelProto()
        proto.ParseFromString(Path(f"{folder}/m.model").read_bytes())
        return proto.normalizer_spec.precompiled_charsmap


def build_tokenizer(newer):
    """A T5-style Unigram tokenizer of 96 pieces. `newer`: the layout that recent conversions write."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(w, -3.0 - 0.05 * i) for i, w in enumerate(WORDS)]
    pieces += [(c, -6.0 - 0.02 * i) for i, c in enumerate(CHARACTERS)]
    sentinels = [f"<extra_id_{i}>" for i in reversed(range(SENTINELS))]
    pieces += [(s, 0.0) for s in sentinels]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=2, byte_fallback=False))
    precompiled = normalizers.Precompiled(precompiled_charsmap())
    metaspace = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    if newer:
        tokenizer.normalizer = normalizers.Sequence(
            [precompiled, normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")]
        )
        tokenizer.pre_tokenizer = metaspace
    else:
        tokenizer.normalizer = precompiled
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(s, normalized=False) for s in ["<pad>", "</s>", "<unk>"]])
    tokenizer.add_special_tokens([AddedToken(s, normalized=False) for s in sentinels])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return tokenizer


TEXTS = [
    "", " ", "what is in the picture?", "What  colour\tis the\ncircle? ", "answer in en: how many are there",
    "<extra_id_0> red <extra_id_1>", "猫 and ½ … ﬁn", "caf\u00e9 cafe\u0301", "unknown → ☃☃ snow", "A\u00a0B\u3000Ｃ？",
    "</s> the <pad> end", "it\u2019s zero\u200bwidth",
]  # fmt: skip


def tokenization_table(tokenizer):
    """`text -> ids` and `ids -> text` as the `tokenizers` library does them (special tokens skipped when decoding)."""
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        rows.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)})
    return rows


def picture(width, height, seed):
    """A drawn RGB picture with edges, a gradient and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([255 * x / width, 255 * y / height, 128 + 100 * np.sin(x / 5 + y / 7)], -1)
    image = Image.fromarray(base.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    pen.ellipse([8, 6, 34, 32], fill=(220, 30, 40))
    pen.rectangle([width // 2, height // 2, width - 6, height - 5], fill=(20, 90, 230))
    pen.polygon([(width // 2, 4), (width - 4, height // 2 - 3), (width // 2 + 3, height // 2 - 6)], fill=(250, 240, 40))
    noisy = np.asarray(image).astype(np.int16) + rng.integers(-12, 13, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def preprocessor_config(size, resample):
    """As SigLIP's repositories have it (resample 3 = bicubic, 2 = bilinear)."""
    return {
        "do_convert_rgb": None,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessor",
        "image_std": [0.5, 0.5, 0.5],
        "processor_class": "SiglipProcessor",
        "resample": resample,
        "rescale_factor": 1 / 255,
        "size": {"height": size, "width": size},
    }


def preprocess(folder, image):
    """HF's SigLIP image processor in its PIL form, configured by the folder."""
    processor = SiglipImageProcessorPil.from_pretrained(folder)
    return processor(images=image, return_tensors="pt")["pixel_values"]


def pali3_weights(config_json, seed):
    """All tensors under the names of the folder."""
    vision, text = config_json["vision_config"], config_json["text_config"]
    tensors = weights.add_prefix(VISION, weights.siglip_weights(vision, seed))
    tensors |= weights.add_prefix(LANGUAGE, weights.t5_weights(text, seed + 1))
    rng = np.random.default_rng(seed + 2)
    shape = (text["d_model"], vision["hidden_size"])
    linear = {"weight": rng.standard_normal(shape) * shape[1] ** -0.5}
    if config_json["projector_bias"]:
        linear["bias"] = rng.standard_normal(shape[0]) * 0.3
    linear = {n: torch.from_numpy(v.astype(np.float32)) for n, v in linear.items()}
    return tensors | weights.add_prefix(PROJECTOR, linear)


class Pali3:
    """HF's two models and the projection, from a folder's tensors, already rounded to their dtype."""

    def __init__(self, config_json, tensors):
        def part(prefix):
            return {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}

        with tempfile.TemporaryDirectory() as folder:
            weights.save_checkpoint(folder, config_json["vision_config"], part(VISION))
            self.vision = weights.load(SiglipVisionModel, folder)
        with tempfile.TemporaryDirectory() as folder:
            weights.save_checkpoint(folder, config_json["text_config"], part(LANGUAGE))
            self.language = weights.load(T5ForConditionalGeneration, folder)
        linear = part(PROJECTOR)
        self.weight, self.bias = linear["weight"], linear.get("bias")

    @torch.no_grad()
    def project(self, visual_tokens):
        return torch.nn.functional.linear(visual_tokens, self.weight, self.bias)

    @torch.no_grad()
    def embed(self, input_ids, projected=None):
        text = self.language.shared(input_ids)
        return text if projected is None else torch.cat([projected, text], 1)
