# SPDX-License-Identifier: GPL-2.0
"""Where things are inside the build root (scripts/in-root)."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
BUILD = CHECKOUT / "build"
RUNS = BUILD / "vm"
GUEST = Path(__file__).parent / "guest"
ABI = CHECKOUT / "Documentation" / "ABI" / "testing" / "sysfs-class-accel"
SCHEMAS = CHECKOUT / "tools" / "smi" / "schema"
BUSYBOX = Path("/usr/bin/busybox")
NPU_MODEL = BUILD / "bin" / "ethosu-model"
CARD_MODEL = BUILD / "bin" / "qda-model"
CARD_FIRMWARE = BUILD / "bin" / "qda-firmware"


def kernel(variant: str) -> Path:
    """What QEMU boots of a kernel variant: by PVH, so that no emulated CPU has to decompress it."""
    return Path("/build") / variant / "vmlinux"


def symbols(variant: str) -> Path:
    """Where everything in a kernel variant is."""
    return Path("/build") / variant / "System.map"


def module(variant: str, name: str) -> Path:
    """One of our modules, built for a kernel variant, or one of the kernel's own."""
    found = sorted((BUILD / f"modules-{variant}").rglob(f"{name}.ko")) or _kernels_own(variant, name)
    if not found:
        raise SystemExit(f"vm: no {name}.ko in build/modules-{variant}: run scripts/build-modules {variant}")
    return found[0]


def _kernels_own(variant: str, name: str) -> list[Path]:
    built = Path("/build") / variant
    order = built / "modules.order"
    objects = order.read_text().split() if order.exists() else []
    return [(built / one).with_suffix(".ko") for one in objects if Path(one).stem == name]
