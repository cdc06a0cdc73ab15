"""Writes a part of a pali3 folder as transformers.js reads it: ONNX files in fp32, q8 and q4.

    python bench/export.py MODEL_DIR vision|text OUT_DIR

Export, merging of the decoder's two graphs and quantization go the way of transformers.js' own conversion (optimum, then
onnxslim, then onnxruntime's quantizers with the same settings), so that the peer gets what its users get.
"""

import argparse
import json
import logging
import shutil
import tempfile
from pathlib import Path

import onnx
import onnxslim
import torch
from onnxruntime.quantization import QuantizationMode, QuantType
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
from onnxruntime.quantization.registry import IntegerOpsRegistry
from optimum.exporters.onnx import main_export
from safetensors.torch import load_file
from transformers import SiglipVisionConfig, SiglipVisionModel, T5Config, T5ForConditionalGeneration


def weights(folder, prefix):
    """Tensors below `prefix` from all shards, without it."""
    tensors = {}
    for shard in sorted(folder.glob("*.safetensors")):
        tensors |= {name.removeprefix(prefix): t for name, t in load_file(shard).items() if name.startswith(prefix)}
    return tensors


def filled(model, tensors, may_miss=()):
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.endswith(tuple(may_miss))]
    assert not missing and not unexpected, (missing, unexpected)
    return model.eval()


def vision(folder, config, out):
    config = SiglipVisionConfig(**config)
    # Eager attention exports to plain matrix products, which every one of the peer's backends has.
    config._attn_implementation = "eager"
    model = filled(SiglipVisionModel(config), weights(folder, "vision_tower."), ["position_ids"])

    class Tower(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, pixel_values):
            return self.model(pixel_values).last_hidden_state

    size = config.image_size
    torch.onnx.export(
        Tower(),
        (torch.zeros(1, 3, size, size),),
        out / "vision_model.onnx",
        input_names=["pixel_values"],
        output_names=["last_hidden_state"],
        dynamic_axes={"pixel_values": {0: "batch"}, "last_hidden_state": {0: "batch"}},
        opset_version=18,
        dynamo=False,
    )
    config.save_pretrained(out)


def text(folder, config, out):
    config = T5Config(**config)
    model = filled(T5ForConditionalGeneration(config), weights(folder, "language_model."), ["embed_tokens.weight"])
    with tempfile.TemporaryDirectory() as hub:
        model.save_pretrained(hub)
        main_export(hub, output=out, task="text2text-generation-with-past", do_validation=False)
    # The merged decoder holds both.
    for left in out.glob("decoder*model.onnx*"):
        left.unlink()
    (out / "decoder_with_past_model.onnx").unlink(missing_ok=True)
    shutil.copy(folder / "tokenizer.json", out)
    tokenizer = {"tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    (out / "tokenizer_config.json").write_text(json.dumps(tokenizer))


def operators(graph):
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from operators(attribute.g)


def q8(model):
    # onnxruntime-web has no convolution over signed weights.
    weight_type = QuantType.QUInt8 if "Conv" in operators(model.graph) else QuantType.QInt8
    quantizer = ONNXQuantizer(
        model,
        per_channel=True,
        reduce_range=True,
        mode=QuantizationMode.IntegerOps,
        static=False,
        weight_qType=weight_type,
        activation_qType=QuantType.QUInt8,
        tensors_range=None,
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=set(IntegerOpsRegistry),
        extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
    )
    quantizer.quantize_model()
    return quantizer.model.model


def q4(model):
    quantizer = MatMulNBitsQuantizer(model, block_size=32, is_symmetric=True)
    quantizer.process()
    return quantizer.model.model


def finish(out):
    """Slims the graphs in `out`, quantizes them, and moves all to `out`/onnx."""
    (out / "onnx").mkdir()
    for path in sorted(out.glob("*.onnx")):
        model = onnxslim.slim(str(path))
        onnx.save(model, path)
        for suffix, quantize in [("quantized", q8), ("q4", q4)]:
            # Both change the model in place.
            onnx.save(quantize(onnx.load(path)), out / "onnx" / f"{path.stem}_{suffix}.onnx")
        path.rename(out / "onnx" / path.name)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("part", choices=["vision", "text"])
    arguments.add_argument("out", type=Path)
    given = arguments.parse_args()
    config = json.loads((given.model / "config.json").read_text())
    given.out.mkdir(parents=True)
    export = {"vision": vision, "text": text}[given.part]
    export(given.model, config[f"{given.part}_config"], given.out)
    finish(given.out)


if __name__ == "__main__":
    # The quantizers report every node.
    logging.disable(logging.INFO)
    with torch.no_grad():
        main()
