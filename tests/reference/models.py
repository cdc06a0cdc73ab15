"""Makes the reference checkpoints and activations in tests/fixtures with HF transformers. See README.md.

python tests/reference/models.py                 # every case
python tests/reference/models.py NAME …          # these cases
python tests/reference/models.py --search NAME   # the first seed whose ids are stable, to be entered in CASES
"""

import argparse
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import numpy
import PIL
import safetensors
import tokenizers
import torch
import transformers
from safetensors.torch import save_file

import models_cases
import models_generate
import models_weights as weights

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def make(name, seed, folder):
    case, _ = models_cases.CASES[name]
    result = case(folder, seed)
    tensors = {}
    for key, t in result.tensors.items():
        t = t.detach().contiguous()
        tensors[key] = t.clone() if t.dtype == torch.int64 else t.to(torch.float32).clone()
        if not torch.isfinite(tensors[key].double()).all():
            raise SystemExit(f"{name}: {key} is not finite")
    save_file(tensors, folder / "reference.safetensors")
    weights.write_json(
        folder / "reference.json",
        {
            "made_by": f"python tests/reference/models.py {name}",
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__.split("+")[0],
                "transformers": transformers.__version__,
                "tokenizers": tokenizers.__version__,
                "safetensors": safetensors.__version__,
                "numpy": numpy.__version__,
                "pillow": PIL.__version__,
            },
            "seed": seed,
            "kind": result.kind,
            "variants": result.variants,
            **result.more,
            "generation": result.generation,
        },
    )


def search(name, first):
    for seed in range(first, first + 2000):
        with tempfile.TemporaryDirectory() as folder:
            try:
                make(name, seed, Path(folder))
            except models_generate.Unstable as reason:
                print(f"{seed}: {reason}", file=sys.stderr, flush=True)
                continue
        print(f"{name}: seed {seed}")
        return
    raise SystemExit(f"{name}: no stable seed found")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="NAME", help=f"of {', '.join(models_cases.CASES)}")
    parser.add_argument("--search", metavar="NAME", choices=models_cases.CASES)
    parser.add_argument("--from-seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=FIXTURES, help="folder of the case folders")
    args = parser.parse_args()
    # One thread and no vendor choice of kernels by load: the files come out the same, byte for byte.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if args.search:
        search(args.search, args.from_seed)
        return
    unknown = [n for n in args.cases if n not in models_cases.CASES]
    if unknown:
        parser.error(f"unknown case: {', '.join(unknown)}")
    for name in args.cases or models_cases.CASES:
        folder = args.out / name
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        make(name, models_cases.CASES[name][1], folder)
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"{name}: {size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
