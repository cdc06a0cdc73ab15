"""Records what Pillow, transformers and tokenizers make of pictures and texts.

    python tests/reference/preprocessing.py [FOLDER]

writes tests/fixtures/preprocessing (or FOLDER), read by src/testing/preprocessing.rs and tests/native/preprocessing.rs:

    cases.json         every case, with the versions that made it
    pictures.rgba/.rgb pictures with alpha, and the same by transformers' convert_to_rgb
    resized.rgb        patterns (see `pattern`, computed anew on both sides) resized by Pillow
    pixel_values.f32   patterns through SiglipImageProcessorPil, little-endian
    files/*            picture files of many kinds; decoded.rgb: the same by Pillow, upright and as RGB
    tokenizer.json     a T5Tokenizer with sentencepiece pieces learned here, as transformers saves it

Everything is seeded; the same versions (tests/reference/requirements.txt) give the same bytes.
"""

import io
import json
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import PIL
import sentencepiece
import sentencepiece.sentencepiece_model_pb2 as sentencepiece_model
import tokenizers
import transformers
from PIL import Image, ImageOps
from transformers import AutoTokenizer, T5Tokenizer
from transformers.image_transforms import convert_to_rgb
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

SEED = 20231013


class Store:
    """Byte strings one after the other in one file."""

    def __init__(self):
        self.bytes = bytearray()

    def add(self, array):
        offset = len(self.bytes)
        self.bytes += np.ascontiguousarray(array).tobytes()
        return offset


def pattern(width, height, seed):
    """[height, width, 3] u8: noise, and black or white at random in every other field of a chequerboard."""
    with np.errstate(over="ignore"):
        h = np.arange(width * height * 3, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(0x85EBCA77)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE3D)
    value = (h >> np.uint32(24)).astype(np.uint8).reshape(height, width, 3)
    x, y = np.arange(width)[None, :, None], np.arange(height)[:, None, None]
    hard = (x // (width // 5 + 1) + y // (height // 3 + 1)) % 2 == 0
    return np.where(hard, (value > 127) * np.uint8(255), value).astype(np.uint8)


def smooth(width, height):
    """[height, width, 3] u8: gradients, a disc and a little noise; what JPEG is made for."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    picture = np.stack([x, y, 1 - x * y], -1) * 200 + 20
    picture[(x - 0.6) ** 2 + (y - 0.4) ** 2 < 0.05] = [230, 40, 60]
    picture += np.random.default_rng(SEED).normal(0, 3, picture.shape)
    return picture.clip(0, 255).round().astype(np.uint8)


def soft_alpha(width, height):
    """[height, width] u8: a ramp with both ends reached."""
    x, y = np.meshgrid(np.linspace(-0.2, 1.2, width), np.linspace(0, 0.5, height))
    return ((x + y).clip(0, 1) * 255).round().astype(np.uint8)


def pictures(folder):
    rgba, rgb, cases = Store(), Store(), []

    def add(name, pixels):
        height, width, _ = pixels.shape
        offset = rgba.add(pixels)
        rgb.add(convert_to_rgb(Image.fromarray(pixels), return_numpy=True))
        cases.append({"name": name, "width": width, "height": height, "offset": offset})

    value, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    # Each pair of value and alpha once: three to a pixel would need the same alpha, so the channels shift.
    add("every value and alpha", np.stack([value, value + 85, value + 170, alpha], -1)[:, ::3])
    add("soft edges", np.dstack([smooth(37, 23), soft_alpha(37, 23)]))
    (folder / "pictures.rgba").write_bytes(rgba.bytes)
    (folder / "pictures.rgb").write_bytes(rgb.bytes)
    return cases


RESIZES = [  # source width and height, new width and height
    (97, 61, 32, 24),
    (61, 97, 29, 40),
    (31, 17, 48, 40),
    (1023, 767, 48, 40),
    (1600, 1201, 28, 28),
    (640, 3, 32, 32),
    (3, 640, 32, 32),
    (1, 1, 5, 4),
    (2, 300, 3, 7),
    (40, 40, 40, 17),
    (40, 40, 17, 40),
    (40, 33, 39, 34),
    (13, 29, 13, 29),
    (500, 20, 1, 1),
]


def resizes(folder):
    store, cases = Store(), []
    for i, (source_width, source_height, width, height) in enumerate(RESIZES):
        image = Image.fromarray(pattern(source_width, source_height, i))
        for resample in (3, 2) if i > 3 else (3, 2, 0, 1, 4, 5):
            cases.append({
                "source": [source_width, source_height],
                "seed": i,
                "width": width,
                "height": height,
                "resample": resample,
                "offset": store.add(image.resize((width, height), resample)),
            })
    (folder / "resized.rgb").write_bytes(store.bytes)
    return cases


PREPROCESSINGS = [  # name, source width and height, preprocessor_config.json, stride of what is kept
    ("defaults", 330, 247, {}, 7),
    ("defaults as transformers writes them", 90, 117, None, 9),
    ("siglip 2", 97, 61, {"size": {"height": 32, "width": 32}, "resample": 2}, 1),
    ("not square", 97, 61, {"size": {"height": 28, "width": 42}}, 1),
    ("shortest edge", 97, 61, {"size": {"shortest_edge": 20}}, 1),
    ("a bare number", 61, 97, {"size": 21}, 1),
    ("not resized", 19, 14, {"do_resize": False}, 1),
    ("not rescaled", 40, 30, {"size": {"height": 12, "width": 12}, "do_rescale": False}, 1),
    ("not normalised", 40, 30, {"size": {"height": 12, "width": 12}, "do_normalize": False}, 1),
    ("neither", 40, 30, {"size": {"height": 12, "width": 12}, "do_rescale": False, "do_normalize": False}, 1),
    (
        "other numbers",
        40,
        30,
        {
            "size": {"height": 16, "width": 14},
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
            "rescale_factor": 0.00392156862745098,
            "do_convert_rgb": None,
            "resample": 1,
        },
        1,
    ),
    ("one number for all channels", 40, 30, {"size": {"height": 9, "width": 9}, "image_mean": 0.4, "image_std": 0.3}, 1),
]


def preprocessings(folder):
    store, cases = Store(), []
    for seed, (name, source_width, source_height, config, stride) in enumerate(PREPROCESSINGS, 100):
        if config is None:
            config = json.loads(SiglipImageProcessorPil().to_json_string())
        keys = {key: value for key, value in config.items() if key != "image_processor_type"}
        processor = SiglipImageProcessorPil(**keys)
        image = Image.fromarray(pattern(source_width, source_height, seed))
        values = processor(image, return_tensors="np")["pixel_values"][0].astype("<f4")
        cases.append({
            "name": name,
            "source": [source_width, source_height],
            "seed": seed,
            "config": config,
            "width": values.shape[2],
            "height": values.shape[1],
            "stride": stride,
            "offset": store.add(values[:, ::stride, ::stride]),
        })
    (folder / "pixel_values.f32").write_bytes(store.bytes)
    return cases


def png16(samples, colour_type):
    """A PNG of [height, width, channels] u16, which Pillow cannot write in colour."""
    height, width, _ = samples.shape
    rows = samples.astype(">u2")
    data = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def files(folder):
    """Picture files and what Pillow sees in them."""
    (folder / "files").mkdir(exist_ok=True)
    store, cases = Store(), []

    def add(name, bytes_, expected=None):
        (folder / "files" / name).write_bytes(bytes_)
        if expected is None:
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(bytes_)))
            expected = convert_to_rgb(image, return_numpy=True)
        height, width, _ = expected.shape
        cases.append({"file": name, "width": width, "height": height, "offset": store.add(expected)})

    def save(name, image, **options):
        buffer = io.BytesIO()
        image.save(buffer, **options)
        add(name, buffer.getvalue())

    width, height = 41, 27
    picture = smooth(width, height)
    image = Image.fromarray(picture)
    rgba = Image.fromarray(np.dstack([picture, soft_alpha(width, height)]))
    grey = image.convert("L")
    palette = image.quantize(16)
    save("rgb.png", image, format="PNG")
    save("rgba.png", rgba, format="PNG")
    save("grey.png", grey, format="PNG")
    save("grey-alpha.png", rgba.convert("LA"), format="PNG")
    save("palette.png", palette, format="PNG")
    save("palette-transparent.png", palette, format="PNG", transparency=3)
    save("palette-alpha.png", palette, format="PNG", transparency=bytes(range(0, 256, 16)))
    save("one-bit.png", grey.convert("1"), format="PNG")
    save("colour-key.png", image, format="PNG", transparency=tuple(int(v) for v in picture[5, 5]))
    wide = picture.astype(np.uint16) * 256 + np.random.default_rng(SEED).integers(0, 256, picture.shape, dtype=np.uint16)
    add("rgb16.png", png16(wide, 2))
    add("rgba16.png", png16(np.dstack([wide, soft_alpha(width, height).astype(np.uint16) * 257]), 6))
    # Not Pillow's values: its conversion of 16-bit grey cuts everything above 255 to white.
    add("grey16.png", png16(wide[..., :1], 0), np.repeat((wide[..., :1] >> 8).astype(np.uint8), 3, -1))
    save("rgb.bmp", image, format="BMP")
    save("palette.gif", palette, format="GIF")
    save("two-frames.gif", palette, format="GIF", save_all=True, append_images=[palette.transpose(0)])
    save("lossless.webp", rgba, format="WEBP", lossless=True, exact=True)
    save("lossy.webp", image, format="WEBP", quality=90)
    save("444.jpg", image, format="JPEG", quality=92, subsampling=0)
    save("420.jpg", image, format="JPEG", quality=85, subsampling=2)
    save("progressive.jpg", image, format="JPEG", quality=90, progressive=True)
    save("grey.jpg", grey, format="JPEG", quality=90)
    save("cmyk.jpg", image.convert("CMYK"), format="JPEG", quality=92)
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(f"orientation-{orientation}.jpg", image, format="JPEG", quality=92, subsampling=0, exif=exif)
    (folder / "decoded.rgb").write_bytes(store.bytes)
    return cases


# Rows of sentencepiece's nmt_nfkc table: enough to walk its trie, a small part of its size.
NORMALIZATION = [
    *(("\t", " "), ("\n", " "), ("\r", " "), ("\u00a0", " "), ("\u3000", " "), ("\u2003", " "), ("\u200b", " ")),
    *(("\u00ad", ""), ("\ufeff", ""), ("\u0007", "")),
    *(("ﬁ", "fi"), ("ﬂ", "fl"), ("½", "1⁄2"), ("²", "2"), ("…", "..."), ("™", "TM"), ("Ⅳ", "IV"), ("㎏", "kg")),
    # Composition and compatibility forms, as in NFKC.
    *(("e\u0301", "é"), ("a\u0308", "ä"), ("o\u0308", "ö"), ("u\u0308", "ü"), ("n\u0303", "ñ"), ("か\u3099", "が")),
    *((chr(0xFF01 + i), chr(0x21 + i)) for i in range(94)),
    *((chr(0xFF71 + i), c) for i, c in enumerate("アイウエオ")),
]

WORDS = {
    "subject": "a cat,the dog,one bird,two children,an old woman,the red ball,a blue square,green circles,three yellow "
    "triangles,the café,a naïve jalapeño,Zürich,это дом,猫が二匹,il gatto,l'été".split(","),
    "verb": "is,are,sits,stands,was seen,runs,looks,sleeps,isn't,estaba,lies".split(","),
    "place": "on the table.,in front of the house!,near the river?,behind a tree,under the bridge; at night,left of "
    "the circle,(above it),at 10:45,for $3.50,in 2023.,about 7 km away".split(","),
}
QUESTIONS = ["what colour is {subject}?", "how many {subject} are {place}", "is there {subject} {place}", "caption en"]

TEXTS = [
    "",
    " ",
    " \n\t ",
    "what colour is the cat?",
    "  leading and   inner   and trailing spaces  ",
    "tabs\tand\nnewlines\r\nand both \t\n together",
    "UPPER Case And lower",
    "How many red balls are on the table?",
    "caption en",
    "it's 10:45, isn't it?",
    "a,b;c.d!e?f(g)h[i]j{k}",
    "3.50 + 1,000,000 = $1000003.50 %",
    "café naïve jalapeño Zürich",
    "cafe\u0301 Zu\u0308rich n\u0303",
    "stacked e\u0301\u0323\u0302 a\u0308\u0301 x\u0301\u0301",
    "ﬁne ﬂow ½ x² … ™ Ⅳ ㎏",
    "ＦＵＬＬ　ｗｉｄｔｈ １２３！",
    "ｱｲｳ か\u3099",
    "это дом",
    "猫が二匹",
    "猫 の 写真。",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "한국어 질문",
    "emoji 🐱 and 👨‍👩‍👧 and 🇩🇪 👍🏽",
    "🐱🐱🐱",
    "soft\u00adhyphen zero\u200bwidth \ufeffbom bell\u0007",
    "non\u00a0breaking em\u2003space ideographic\u3000space next\u0085line",
    "<extra_id_0>",
    "a <extra_id_0> b <extra_id_1>c",
    "  <extra_id_99>  <extra_id_0><extra_id_1>",
    "<extra_id_100> and <extra_id_-1>",
    "</s>",
    "a</s>b <pad> <unk> </s>",
    "▁ already ▁marked",
    "<b>html & co</b>",
    "line one\n\nline two",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "supercalifragilisticexpialidocious",
    "\u0301 alone and \u200d joiner",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛",
    "null \u0000 inside",
    "the red ball. " * 20,
]


def train_tokenizer(folder):
    """A T5Tokenizer with its own pieces: T5's pipeline and numbers, a vocabulary of a few hundred."""
    rng = np.random.default_rng(SEED)

    def pick(key):
        return WORDS[key][rng.integers(len(WORDS[key]))]

    templates = ["{subject} {verb} {place}", *QUESTIONS]
    lines = [
        templates[rng.integers(len(templates))].format(subject=pick("subject"), verb=pick("verb"), place=pick("place"))
        for _ in range(3000)
    ]
    # Invented words, so that there are pieces inside of words too.
    syllables = [c + v for c in "bdfgklmnprst" for v in "aeiou"] + ["ing", "er", "ly", "tion", "est", "and", "str"]
    lines += [" ".join("".join(rng.choice(syllables, rng.integers(1, 4))) for _ in range(6)) for _ in range(1000)]
    with tempfile.TemporaryDirectory() as scratch:
        rules = Path(scratch, "rules.tsv")
        hexadecimal = (" ".join(f"{ord(c):X}" for c in text) for rule in NORMALIZATION for text in rule)
        rules.write_text("".join(f"{source}\t{target}\n" for source, target in zip(hexadecimal, hexadecimal)))
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type="unigram",
            vocab_size=260,
            character_coverage=1.0,
            normalization_rule_tsv=str(rules),
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    proto = sentencepiece_model.ModelProto.FromString(model.getvalue())
    vocab = [(piece.piece, piece.score) for piece in proto.pieces]
    vocab += [(f"<extra_id_{i}>", 0.0) for i in range(99, -1, -1)]
    tokenizer = T5Tokenizer(vocab=vocab, _spm_precompiled_charsmap=proto.normalizer_spec.precompiled_charsmap)
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer.save_pretrained(scratch)
        (folder / "tokenizer.json").write_bytes(Path(scratch, "tokenizer.json").read_bytes())
        # Through the file, as a user gets it.
        return AutoTokenizer.from_pretrained(scratch)


def texts(folder):
    tokenizer = train_tokenizer(folder)
    encoded = [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in TEXTS]
    rng = np.random.default_rng(SEED)
    size = len(tokenizer)
    ids = [case["ids"] for case in encoded]
    ids += [[], [0], [1], [2], [0, 0, 1, 0], [size + 5], [7, size + 5, 8], [2, 2, 5, 2]]
    ids += [rng.integers(0, size, 12).tolist() for _ in range(8)]
    decoded = [
        {
            "ids": case,
            "text": tokenizer.decode(case, skip_special_tokens=True),
            "with_special": tokenizer.decode(case, skip_special_tokens=False),
        }
        for case in ids
    ]
    return {"texts": encoded, "decodes": decoded, "vocab_size": size}


def main():
    default = Path(__file__).resolve().parent.parent / "fixtures" / "preprocessing"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    cases = {
        "versions": {m.__name__: m.__version__ for m in (np, PIL, sentencepiece, tokenizers, transformers)},
        "pictures": pictures(folder),
        "resizes": resizes(folder),
        "preprocessings": preprocessings(folder),
        "files": files(folder),
        **texts(folder),
    }
    (folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=None, separators=(",", ":")))


if __name__ == "__main__":
    main()
