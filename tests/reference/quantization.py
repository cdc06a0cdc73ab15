"""Rows of floats quantized by the `gguf` package, the reference of Q8_0 and Q4_0.

    python tests/reference/quantization.py     # writes tests/fixtures/quantization/

The floats have blocks of every kind: even, with an outlier, tiny, zero, of one sign, and ties of the largest magnitude.
"""

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, quants

OUT = Path(__file__).parent.parent / "fixtures" / "quantization"
ROWS, WIDTH, BLOCK = 6, 160, 32


def values():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    x[1] *= 1e-3
    x[2, ::37] *= 50
    x[3, :BLOCK] = 0
    x[3, BLOCK : 2 * BLOCK] = np.abs(x[3, BLOCK : 2 * BLOCK])
    x[4, :2] = [2.5, -2.5]
    x[4, 2:BLOCK] = np.clip(x[4, 2:BLOCK], -2, 2)
    x[5] *= 1e4
    return x


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    x = values()
    x.tofile(OUT / "values.f32")
    for name, kind in [("q8_0", GGMLQuantizationType.Q8_0), ("q4_0", GGMLQuantizationType.Q4_0)]:
        blocks = quants.quantize(x, kind)
        blocks.tofile(OUT / f"{name}.bin")
        quants.dequantize(blocks, kind).astype(np.float32).tofile(OUT / f"{name}.f32")


main()
