# SPDX-License-Identifier: GPL-2.0
"""Compiles a TFLite file for the Ethos-U65 with Vela, and insists that nothing is left to the CPU."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIGURATIONS = (256, 512)  # Multiply-accumulate units of the Ethos-U65.


class CompileError(RuntimeError):
    """Vela failed, or it left a part of the network to the CPU."""


def compile_network(source, configuration, destination):
    """Writes to `destination` the npz (Vela's raw format) of the TFLite file `source` for one of CONFIGURATIONS.

    Vela's raw writer itself refuses a network that is not exactly one graph.
    """
    source = Path(source)
    with tempfile.TemporaryDirectory() as directory:
        summary = _run_vela(source, configuration, directory)
        result = Path(directory) / f"{source.stem}_vela.npz"
        if not result.exists():
            raise CompileError(f"{source.name}: Vela wrote no single graph:\n{summary}")
        check_summary(source.name, summary)
        shutil.copyfile(result, destination)


def check_summary(name, summary):
    """Raises CompileError unless Vela's `summary` says that no operator runs on the CPU and some on the NPU."""
    counts = dict(re.findall(r"^(CPU|NPU) operators = (\d+)", summary, re.MULTILINE))
    if counts.get("CPU") != "0" or int(counts.get("NPU", 0)) == 0:
        raise CompileError(f"{name}: not all of the network runs on the NPU:\n{summary}")


def _run_vela(source, configuration, directory):
    """Returns what Vela printed."""
    vela = Path(sys.executable).with_name("vela")  # The one of this virtual environment.
    options = [
        "--accelerator-config",
        f"ethos-u65-{configuration}",
        "--output-format",
        "raw",
        "--output-dir",
        directory,
    ]
    run = subprocess.run([vela, *options, source], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if run.returncode != 0:
        raise CompileError(f"{source.name}: Vela ended with {run.returncode}:\n{run.stdout}")
    return run.stdout
