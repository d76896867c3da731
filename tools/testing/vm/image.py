# SPDX-License-Identifier: GPL-2.0
"""Puts together the initramfs of one scenario."""

import re
import shutil
import subprocess
from pathlib import Path

from . import models, paths
from .initramfs import Archive
from .scenario import Scenario


def build(scenario: Scenario, destination: Path) -> None:
    """Busybox, our guest scripts, the scenario's modules, programs, files and script."""
    archive = Archive()
    archive.folder("/dev")
    archive.device("/dev/console", 5, 1)
    _busybox(archive)
    for folder in ("/proc", "/sys", "/tmp"):
        archive.folder(folder)
    archive.copy("/init", paths.GUEST / "init")
    archive.copy("/bin/host", paths.GUEST / "host")
    archive.copy("/bin/prelude", paths.GUEST / "prelude")
    archive.file("/modules/order", " ".join(scenario.modules).encode())
    for name in scenario.modules:
        archive.copy(f"/modules/{name}.ko", paths.module(scenario.kernels[0], name))
    for name in scenario.programs:
        _program(archive, name)
    for guest, source in scenario.files.items():
        archive.copy(guest, paths.CHECKOUT / source)
    if scenario.cards:
        firmware = destination.with_name("firmware.bin")
        models.card_firmware(firmware)
        archive.copy("/lib/firmware/qda/firmware.bin", firmware)
    archive.file("/scenario", _script(scenario).encode())
    archive.write(destination)


def _busybox(archive: Archive) -> None:
    archive.copy("/bin/busybox", paths.BUSYBOX)
    applets = subprocess.run([paths.BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    for applet in applets.stdout.split():
        if applet != "busybox":
            archive.link(f"/bin/{applet}", "busybox")


def _program(archive: Archive, name: str) -> None:
    """A program of the build root, in /bin if not said otherwise, and every library that it is linked to."""
    program = shutil.which(name)
    if not program:
        raise SystemExit(f"vm: no {name} in the build root: run scripts/setup/run root")
    archive.copy(name if name.startswith("/") else f"/bin/{name}", Path(program))
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for library in re.findall(r"(/\S+) \(0x", listing):
        archive.copy(library, Path(library))


def _script(scenario: Scenario) -> str:
    return f". /bin/prelude\n{scenario.guest}\nexit $failures\n"
