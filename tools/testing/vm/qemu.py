# SPDX-License-Identifier: GPL-2.0
"""The QEMU command line of a scenario."""

import json
import re
from pathlib import Path

from . import paths
from .models import Model
from .scenario import Scenario

# Consoles of display devices that nothing drives, of which each has 16: channel.py says what they are for.
DISPLAYS = 2
ANCHORS = DISPLAYS * 16
# Addresses that the firmware keeps free in a port for the memory of a QDA card.
WINDOW = {"pref64-reserve": "64M"}
# The chardev that makes this terminal the guest's console.
STDIO = "stdio,mux=on,signal=off"
# Root ports for hot-plugged devices: rp0, rp1, ...
PORTS = 4
# A tick of theirs that arrives while Linux sets up the I/O APIC finds IRQ 0 half made: it panics in
# mask_ioapic_irq(), or the boot hangs. An emulated CPU is slow enough for one boot in sixty to do so.
# Linux needs neither: it calibrates by the ACPI timer, and ticks by the local APIC.
NO_LEGACY_TIMERS = "hpet=off,pit=off"
# Where these are on, the kernel copies and clears with `rep movsb` and `rep stosb`, which under icount
# are as many instructions as bytes; off, it moves words.
STRING_FEATURES = ["erms=off", "fsrm=off", "fsrs=off", "fsrc=off", "fzrm=off"]


def works_kvm() -> bool:
    """Whether the CPU itself virtualises: /dev/kvm alone proves nothing (a guest may hang)."""
    return re.search(r"\b(svm|vmx)\b", Path("/proc/cpuinfo").read_text()) is not None


def device(driver: str, **properties: object) -> tuple[str, str]:
    """A device of QEMU's own."""
    return "-device", ",".join([driver, *(f"{key}={value}" for key, value in properties.items())])


def switch(ports: int) -> tuple[str, ...]:
    """A PCI Express switch at a root port of its own; what is behind it goes into down0, down1, ..."""
    line = [*device("pcie-root-port", id="top", chassis=20, slot=20), *device("x3130-upstream", id="up", bus="top")]
    for port in range(ports):
        slot = 21 + port
        line += device("xio3130-downstream", id=f"down{port}", bus="up", chassis=slot, slot=slot)
    return tuple(line)


def card_ports(count: int) -> dict[str, str]:
    """The QDA cards of a machine, and where they are."""
    return {f"qda{number}": f"down{number}" for number in range(count)}


def _plugged(models: dict[str, Model]) -> list[str]:
    """The models that are there when the guest boots, below one switch."""
    line = [*switch(len(models))] if models else []
    for name, model in models.items():
        place = {"type": "unix", "path": str(model.socket)}
        what = {"driver": "vfio-user-pci", "id": name, "bus": model.port, "socket": place}
        line += ["-device", json.dumps(what)]
    return line


def command(
    scenario: Scenario, initramfs: Path, channels: dict[str, str], models: dict[str, Model]
) -> list[str]:
    """Everything after which the guest boots; `channels` has a chardev for each of its channels."""
    interactive = channels["kernel"] == STDIO
    line = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    line += _machine(scenario)
    line += ["-kernel", str(paths.kernel(scenario.kernels[0])), "-initrd", str(initramfs)]
    line += ["-append", _parameters(scenario, interactive)]
    line += _channels(channels)
    if interactive:
        line += ["-mon", "chardev=kernel"]
    line += ["-device", f"virtio-gpu-pci,max_outputs={ANCHORS // DISPLAYS}"] * DISPLAYS
    for port in range(PORTS):
        line += device("pcie-root-port", id=f"rp{port}", chassis=port + 1, slot=port + 1, **WINDOW)
    line += [*_plugged(models), *scenario.hardware]
    if scenario.share:
        folder = paths.CHECKOUT / scenario.share
        line += ["-fsdev", f"local,id=share,path={folder},security_model=none"]
        line += ["-device", "virtio-9p-pci,fsdev=share,mount_tag=share"]
    return line


def _machine(scenario: Scenario) -> list[str]:
    if scenario.icount:
        accelerator, cpus = ["-accel", "tcg", "-icount", "shift=0,sleep=off"], 1
    elif works_kvm():
        accelerator, cpus = ["-accel", "kvm"], scenario.cpus
    else:
        accelerator, cpus = ["-accel", "tcg,thread=multi"], scenario.cpus
    machine = "q35" if scenario.icount or works_kvm() else f"q35,{NO_LEGACY_TIMERS}"
    line = ["-machine", machine, *accelerator, "-smp", str(cpus), "-m", scenario.memory]
    # Five-level paging makes KASAN kernels report wild accesses in early boot under TCG.
    line += ["-cpu", ",".join(["max", "la57=off", *(STRING_FEATURES if scenario.icount else [])])]
    # The device models map the guest's memory: it has to be a shared file.
    line += ["-object", f"memory-backend-memfd,id=mem,size={scenario.memory},share=on"]
    line += ["-numa", "node,memdev=mem"]
    if scenario.iommu:
        line += ["-device", "intel-iommu,caching-mode=on"]
    return line


def _parameters(scenario: Scenario, interactive: bool) -> str:
    parameters = ["console=ttyS0", "panic=-1", "printk.devkmsg=on"]
    # A starved host is not the guest's fault.
    parameters += ["no_timer_check", "watchdog_thresh=60"]
    if not scenario.icount:
        # Devices come and go by the hundred, each with several grace periods.
        parameters.append("rcupdate.rcu_expedited=1")
    parameters.append("loglevel=4" if interactive else "loglevel=8")
    if scenario.iommu:
        parameters.append("intel_iommu=on")
    if interactive:
        parameters.append("vm.shell")
    return " ".join([*parameters, scenario.parameters]).strip()


def _channels(channels: dict[str, str]) -> list[str]:
    """ttyS0 the kernel's log, ttyS1 the host channel, hvc0 what programs print, QMP."""
    return [
        *("-chardev", f"{channels['kernel']},id=kernel", "-device", "isa-serial,chardev=kernel"),
        *("-chardev", f"{channels['host']},id=host", "-device", "isa-serial,chardev=host"),
        *("-chardev", f"{channels['program']},id=program", "-device", "virtio-serial-pci"),
        *("-device", "virtconsole,chardev=program"),
        *("-qmp", channels["qmp"]),
    ]
