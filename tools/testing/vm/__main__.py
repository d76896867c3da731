# SPDX-License-Identifier: GPL-2.0
"""Command line: `python3 -m vm run [SCENARIO...]`, `list`, `shell`. Run it by scripts/vm."""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from . import boot, scenario
from .scenario import Scenario
from .verdict import Verdict, failures, slowest

SLOWEST = 10


def main() -> int:
    """Do what the command line says; the exit status is 1 if anything failed."""
    arguments = _arguments()
    match arguments.command:
        case "list":
            return _list(arguments)
        case "shell":
            return _shell(arguments)
        case _:
            return _run(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vm", description="Boot scenarios in QEMU.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="boot scenarios and judge them (all tests, if none is named)")
    run.add_argument("scenario", nargs="*")
    run.add_argument("--kernel", help="boot on this kernel instead of the scenario's own")
    run.add_argument("--long", action="store_true", help="with no name: the long ones, too")
    run.add_argument("--jobs", type=int, default=os.cpu_count(), help="boots at the same time (one per CPU)")
    run.add_argument("--show", choices=("program", "all"), help="print what the guest prints as it comes")
    shell = commands.add_parser("shell", help="boot to a shell on this terminal")
    shell.add_argument("scenario", nargs="?", help="with this scenario's modules and files")
    shell.add_argument("--kernel", default="release")
    listing = commands.add_parser("list", help="name the scenarios")
    listing.add_argument("--kernels", action="store_true", help="name the kernels they need instead")
    listing.add_argument("--long", action="store_true")
    return parser.parse_args()


def _chosen(names: list[str], long: bool) -> list[Scenario]:
    if names:
        return [scenario.load(name) for name in names]
    every = [scenario.load(name) for name in scenario.names()]
    chosen = [one for one in every if not one.manual and (long or not one.long)]
    # Those that take longest first, so that none of them is left alone at the end.
    return sorted(chosen, key=lambda one: -one.timeout)


def _list(arguments: argparse.Namespace) -> int:
    chosen = _chosen([], arguments.long)
    if arguments.kernels:
        print(*sorted({kernel for one in chosen for kernel in one.kernels}))
    else:
        print(*(one.name for one in chosen), sep="\n")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    def echo(stream: str, data: bytes) -> None:
        if arguments.show in ("all", stream):
            sys.stdout.buffer.write(data)
            sys.stdout.flush()

    def judge(one: Scenario) -> list[Verdict]:
        verdicts = boot.run(one, echo)
        for verdict in verdicts:
            if not (arguments.show and one.manual and not verdict.failed):
                print(verdict.text(), flush=True)
        return verdicts

    chosen = _chosen(arguments.scenario, arguments.long)
    boots = [one.on(kernel) for one in chosen for kernel in _kernels(one, arguments)]
    with ThreadPoolExecutor(1 if arguments.show else arguments.jobs) as pool:
        verdicts = list(chain.from_iterable(pool.map(judge, boots)))
    if not arguments.show:
        print(slowest(verdicts, SLOWEST))
    passed = sum(verdict.passed for verdict in verdicts)
    failed = sum(verdict.failed for verdict in verdicts)
    if failed:
        print(failures(verdicts))
    if not arguments.show or failed:
        print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


def _kernels(one: Scenario, arguments: argparse.Namespace) -> tuple[str, ...]:
    return (arguments.kernel,) if arguments.kernel else one.kernels


def _shell(arguments: argparse.Namespace) -> int:
    one = scenario.load(arguments.scenario) if arguments.scenario else Scenario(guest="", name="shell")
    return boot.shell(one.on(arguments.kernel))


if __name__ == "__main__":
    sys.exit(main())
