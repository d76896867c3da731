# SPDX-License-Identifier: GPL-2.0
"""Trains on the digits as QDA's specification says; prints the loss curve, writes what an implementation must equal.

Usage: python tools/testing/qda/reference [FILE.json]
"""

import json
import sys
from pathlib import Path

import numpy as np

import collective
import digits
import plain
import training
from binary32 import from_bits, to_bits

VARIANTS = {
    "one card": {},
    "two cards, EXCHANGE": {"cards": 2, "all_reduce": collective.exchange},
    "two cards, ring": {"cards": 2, "all_reduce": collective.ring},
}


def exact(result, held_out):
    """Returns what is compared bit for bit, of training.Result."""
    predictions = training.infer(result.cards[0], held_out.x)
    return {
        "losses": [f"{bits:08x}" for bits in to_bits(result.losses)],
        "weights": [training.digest(memory) for memory in result.cards],
        "predictions": predictions.tolist(),
        "right": int((predictions == held_out.labels).sum()),
    }


def near(losses, parameters, held_out):
    """Returns what is only near, of plain.train()."""
    right = int((plain.infer(parameters, held_out.x) == held_out.labels).sum())
    return {"losses": [float(loss) for loss in losses], "right": right}


def main():
    """Runs everything."""
    images, held_out = digits.split(digits.load())
    report = {"specification": "QDA 1.0", "held out": len(held_out.labels), "exact": {}, "near": {}}
    report["first step"] = [[*packet, f"{crc:08x}"] for *packet, crc in training.trace_first_step(images)]
    for name, variant in VARIANTS.items():
        result = training.train(images, **variant)
        report["exact"][name] = exact(result, held_out)
    for precision in (np.float32, np.float64):
        report["near"][precision.__name__] = near(*plain.train(images, precision), held_out)

    for number, bits in enumerate(report["exact"]["one card"]["losses"]):
        print(f"step {number:3} loss 0x{bits} {from_bits(int(bits, 16)):.8g}")
    for name, run in report["exact"].items():
        print(f"{name}: weights {' '.join(run['weights'])}, {run['right']} of {report['held out']} right")
    for name, run in report["near"].items():
        print(f"plain {name}: last loss {run['losses'][-1]:.8g}, {run['right']} of {report['held out']} right")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
