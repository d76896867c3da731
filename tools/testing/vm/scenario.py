# SPDX-License-Identifier: GPL-2.0
"""What one boot is: the kernel, the machine, the guest's script, and what must come out."""

import importlib.util
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import paths

FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Cable:
    """One end of what connects the cards of two machines, link by link."""

    path: Path
    listens: bool

    def socket(self, link: int) -> Path:
        """What both ends of a link meet at."""
        return Path(f"{self.path}{link}")


@dataclass(frozen=True)
class Scenario:
    """One file in scenarios/ makes one of these, named `SCENARIO`."""

    # Shell text for /bin/sh in the guest; guest/prelude has the helpers it may call.
    guest: str
    # Each of these kernels is booted once: "release", "debug", "builtin".
    kernels: tuple[str, ...] = ("debug",)
    # Modules to put in /modules, ours or the kernel's, in the order `load` without arguments loads them.
    modules: tuple[str, ...] = ()
    # Guest path -> path relative to the checkout, or of the build root.
    files: dict[str, str] = field(default_factory=dict)
    # Programs of the build root that the guest needs, with their libraries; busybox is always there.
    programs: tuple[str, ...] = ()
    # A host folder (relative to the checkout) that the guest sees as /share.
    share: str | None = None
    cpus: int = 2
    memory: str = "1G"
    # A virtual IOMMU, and the guest told to use it.
    iommu: bool = False
    # More hardware: QEMU arguments. Ports rp0 to rp3 are there already.
    hardware: tuple[str, ...] = ()
    # So many QDA cards below one switch, all of one process: qda0, qda1, ...
    cards: int = 0
    # The script of a second machine, which is else the same and boots beside this one; their cards, one of
    # each, are cabled. What both say counts.
    peer: str | None = None
    # Where the cable of the card leads then; the runner's to say.
    cable: Cable | None = None
    # Count instructions: one guest nanosecond is one instruction. Forces one CPU.
    icount: bool = False
    # More kernel parameters.
    parameters: str = ""
    # Regular expressions of splats that the guest script provokes on purpose.
    allow: tuple[str, ...] = ()
    # The least number of KTAP results that make the boot worth anything.
    tests: int = 1
    # Seconds for the whole boot, and seconds of silence, before the guest is given up.
    timeout: int = 600
    silence: int = 90
    # Only `make test-long` runs it.
    long: bool = False
    # Run by its name only: no test (demo, bench).
    manual: bool = False
    name: str = ""

    def on(self, kernel: str) -> "Scenario":
        """The same scenario on one kernel; the builtin one needs no modules."""
        modules = () if kernel == "builtin" else self.modules
        return replace(self, kernels=(kernel,), modules=modules)

    def machines(self) -> list["Scenario"]:
        """What boots at the same time: this one alone, or with its peer."""
        if self.peer is None:
            return [self]
        path = paths.RUNS / f"{self.name}.link"
        first = replace(self, peer=None, cable=Cable(path, listens=True))
        second = replace(first, guest=self.peer, name=f"{self.name}.peer", cable=Cable(path, listens=False))
        return [first, second]


def selftests(*programs: str, callers: tuple[str, ...] = ("x86_64", "i386")) -> dict[str, str]:
    """For `files`: selftests as 64-bit and 32-bit programs, /selftests/CALLER/PROGRAM in the guest."""
    paths = [f"{caller}/{program}" for caller in callers for program in programs]
    return {f"/selftests/{path}": f"build/selftests/{path}" for path in paths}


def only(*tests: str) -> str:
    """What a selftest program runs no more than these for."""
    return " ".join(f"-t {test}" for test in tests)


def load(name: str) -> Scenario:
    """Read scenarios/NAME.py."""
    path = FOLDER / f"{name}.py"
    if not path.is_file():
        raise SystemExit(f"vm: no scenario {name}; there are: {' '.join(names())}")
    spec = importlib.util.spec_from_file_location(f"vm.scenarios.{name}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return replace(module.SCENARIO, name=name)


def names() -> list[str]:
    """The scenarios there are, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
