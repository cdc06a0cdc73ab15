"""SigLIP's two towers: HF's model, and texts as HF's SiglipTokenizer makes them canonical and pads them."""

from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from transformers import SiglipModel
from transformers.models.siglip.tokenization_siglip import SiglipTokenizer

import models_pali3 as pali3
import models_record as record
import models_weights as weights

EOS = 1

TEXTS = [
    "a red circle", "What colour is the circle?", "", "A RED -- circle!  (in \t the \n picture)", "it's 3.5, or so: no?",
    "how many blue shapes are there in the picture and which is the one that is not red at all", "the caf\u00e9 \u2192 \u732b",
]  # fmt: skip


def canonical(text):
    """HF's own, which needs no vocabulary."""
    self = SimpleNamespace(do_lower_case=True, remove_punctuation=lambda t: SiglipTokenizer.remove_punctuation(None, t))
    return SiglipTokenizer.canonicalize_text(self, text)


def padded(tokenizer, text, length):
    """`padding="max_length", truncation=True`: what is cut off leaves the `</s>`; SigLIP 1 pads with it too."""
    tokenizer.enable_truncation(length)
    ids = tokenizer.encode(canonical(text)).ids
    tokenizer.no_truncation()
    return ids + [EOS] * (length - len(ids))


def two_towers(folder, seed, config, result):
    tensors = weights.two_towers_weights(config, seed)
    weights.save_checkpoint(folder, config, tensors, "F16")
    model = weights.load(SiglipModel, folder)
    size, length = config["vision_config"]["image_size"], config["text_config"]["max_position_embeddings"]
    weights.write_json(folder / "preprocessor_config.json", pali3.preprocessor_config(size, 3))
    tokenizer = pali3.build_tokenizer(True)
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = [padded(tokenizer, text, length) for text in TEXTS]
    image = pali3.picture(70, 50, seed)
    (folder / "image.rgb").write_bytes(image.tobytes())
    image.save(folder / "image.png")
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixel_values = torch.cat([pali3.preprocess(folder, picture) for picture in (image, mirrored)])
    seen = record.record_two_towers(model, pixel_values, torch.tensor(ids))
    result.add("", {"pixel_values": pixel_values, "input_ids": torch.tensor(ids), **seen}, prompts=TEXTS)
    result.more["image"] = {"png": "image.png", "rgb": "image.rgb", "width": image.width, "height": image.height}
    spread = np.ptp(seen["logits_per_image"].numpy())
    if spread < 1:
        raise SystemExit(f"the scores hardly differ: {spread}")
    return result
