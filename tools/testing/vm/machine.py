# SPDX-License-Identifier: GPL-2.0
"""A running QEMU with its channels: two pipes that it writes, the host channel, its monitor."""

import fcntl
import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator

from . import image, models, qemu
from .channel import Channel
from .qmp import Qmp
from .scenario import Scenario

CONNECT_SECONDS = 60
# A guest's serial port drops characters when its reader is slow: give the pipes room.
PIPE_BYTES = 1 << 20


class MachineError(Exception):
    """QEMU did not start."""


class Machine:
    """`kernel` and `program` are the reading ends of what the guest prints; `is_cut`: its power was cut."""

    def __init__(self, process: subprocess.Popen, monitor: Qmp, kernel: BinaryIO, program: BinaryIO) -> None:
        self.process = process
        self.monitor = monitor
        self.kernel = kernel
        self.program = program
        self.is_cut = False

    def cut(self) -> None:
        """Cut the power: QEMU ends, and with it the models that it used."""
        self.is_cut = True
        self.process.kill()


@contextmanager
def start(scenario: Scenario, folder: Path, interactive: bool = False) -> Iterator[Machine]:
    """Boot a scenario; on leaving, QEMU and every device model end. `folder` gets initramfs and logs."""
    folder.mkdir(parents=True, exist_ok=True)
    initramfs = folder / "initramfs"
    image.build(scenario, initramfs)
    with ExitStack() as stack:
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vm-")))
        ends = [stack.enter_context(_listen(sockets / name)) for name in ("host", "qmp")]
        kernel, kernel_end = _pipe(stack)
        program, program_end = _pipe(stack)
        channels = {
            "kernel": qemu.STDIO if interactive else f"file,path=/dev/fd/{kernel_end.fileno()}",
            "program": f"file,path=/dev/fd/{program_end.fileno()}",
            "host": f"socket,path={sockets / 'host'},server=off",
            "qmp": f"unix:{sockets / 'qmp'},server=off",
        }
        ports = qemu.card_ports(scenario.cards)
        plugged = models.cards(ports, folder, scenario.cable) if ports else {}
        for model in plugged.values():
            stack.callback(model.kill)
        command = qemu.command(scenario, initramfs, channels, plugged)
        process = _launch(command, folder, interactive, (kernel_end, program_end))
        stack.callback(_end, process)
        line, monitor = (stack.enter_context(_accept(end, process)) for end in ends)
        qmp = Qmp(monitor)
        machine = Machine(process, qmp, kernel, program)
        channel = Channel(line, qmp, folder, plugged, machine.cut)
        # In the reverse order of entry: QEMU first, which ends the channel's thread.
        stack.callback(channel.close)
        stack.callback(_end, process)
        yield machine


def _launch(
    command: list[str], folder: Path, interactive: bool, ends: tuple[BinaryIO, BinaryIO]
) -> subprocess.Popen:
    """Start QEMU with the writing ends of its pipes, which are closed here."""
    with open(folder / "qemu.log", "wb") as log:
        process = subprocess.Popen(
            command,
            pass_fds=[end.fileno() for end in ends],
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=None if interactive else log,
            stderr=log,
        )
    for end in ends:
        end.close()
    return process


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()


def _pipe(stack: ExitStack) -> tuple[BinaryIO, BinaryIO]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return (
        stack.enter_context(open(reader, "rb", buffering=0)),
        stack.enter_context(open(writer, "wb", buffering=0)),
    )


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    return listener


def _accept(listener: socket.socket, process: subprocess.Popen) -> socket.socket:
    """QEMU's end of a channel; fails at once when QEMU is gone."""
    listener.settimeout(0.2)
    deadline = time.monotonic() + CONNECT_SECONDS
    while time.monotonic() < deadline:
        try:
            connection = listener.accept()[0]
            connection.settimeout(None)
            return connection
        except TimeoutError:
            if process.poll() is not None:
                raise MachineError(f"QEMU ended with status {process.returncode}: see qemu.log") from None
    raise MachineError("QEMU did not connect")
