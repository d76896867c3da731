# SPDX-License-Identifier: GPL-2.0
"""Device model processes: start, talk to, kill. One may serve several devices."""

import socket
import subprocess
import time
from pathlib import Path

from . import paths
from .scenario import Cable

START_SECONDS = 10
ANSWER_SECONDS = 30
# Device memory of a QDA card, MiB, and what of it CPUs see.
CARD_MEMORY = 64
CARD_VISIBLE = 16
CARD_LINKS = 2


class ModelError(Exception):
    """A model did not start, answer or obey."""


class _Process:
    """A program that serves `devices` devices; ends the hard way when the last of them is let go."""

    def __init__(self, program: Path, arguments: list[str], log: Path, devices: int = 1) -> None:
        if not program.is_file():
            raise ModelError(f"no model at build/bin/{program.name}: run scripts/build-programs")
        self._log = open(log, "ab")
        self._devices = devices
        self._process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def wait_for(self, path: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not path.exists():
            if self._process.poll() is not None:
                raise ModelError(f"the model ended with status {self._process.returncode}")
            if time.monotonic() > deadline:
                raise ModelError("the model did not open its socket")
            time.sleep(0.01)

    def let_go(self) -> None:
        self._devices -= 1
        if not self._devices:
            self.kill()
            self._log.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Model:
    """A device of a process, in a port, and its two sockets: QEMU's end, and the control socket."""

    def __init__(self, process: _Process, port: str, folder: Path, name: str) -> None:
        self.port = port
        self.socket, self._control_path = _sockets(folder, name)
        # Of packets, if it is a card.
        self.log = folder / f"{name}.packets"
        self._process = process
        self._control: socket.socket | None = None
        process.wait_for(self.socket)

    def command(self, line: str) -> str:
        """Send one line to the control socket, return the one line it answers."""
        try:
            connection = self._connect()
            connection.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                chunk = connection.recv(4096)
                if not chunk:
                    raise ModelError("the model closed its control socket")
                answer += chunk
        except OSError as error:
            raise ModelError(f"control socket: {error}") from None
        return answer.decode().strip()

    def ask(self, line: str) -> str:
        """Send a question to the control socket; its answer without the `ok`."""
        verdict, _, answer = self.command(line).partition(" ")
        if verdict != "ok":
            raise ModelError(f"{line}: {answer}")
        return answer

    def kill(self) -> None:
        """End the process, with all of its devices; harmless if it is gone."""
        self._process.kill()

    def let_go(self) -> None:
        """Nobody uses the device any more."""
        if self._control:
            self._control.close()
        self._process.let_go()

    def _connect(self) -> socket.socket:
        if not self._control:
            self._process.wait_for(self._control_path)
            self._control = socket.socket(socket.AF_UNIX)
            self._control.settimeout(ANSWER_SECONDS)
            self._control.connect(str(self._control_path))
        return self._control


def npu(name: str, config: str, folder: Path, port: str) -> Model:
    """Start the model of an NPU."""
    one = f"{name}.{port}"
    mine, control = _fresh_sockets(folder, one)
    arguments = ["--socket", str(mine), "--config", config, "--control", str(control)]
    return Model(_Process(paths.NPU_MODEL, arguments, folder / f"{name}.log"), port, folder, one)


def plugged(name: str, config: str, folder: Path, port: str) -> Model:
    """Start a model for a port: an NPU of so many MACs, or a "card", which has no cable."""
    return cards({name: port}, folder)[name] if config == "card" else npu(name, config, folder, port)


def cards(ports: dict[str, str], folder: Path, cable: Cable | None = None) -> dict[str, Model]:
    """Start one process with a QDA card for each name, in its port; two are cabled, one as `cable` says.

    All bytes of the UUID of qda0 are 1, of qda1 2, ...; those where `cable` ends follow.
    """
    arguments = []
    first = 1 if cable is None or cable.listens else 1 + len(ports)
    for name in ports:
        uuid = first + _number(name)
        mine, control = _fresh_sockets(folder, name)
        what = f"memory={CARD_MEMORY},visible={CARD_VISIBLE},uuid={uuid}"
        arguments += ["--card", f"socket={mine},control={control},log={folder}/{name}.packets,{what}"]
    if cable and cable.listens:
        for link in range(CARD_LINKS):
            cable.socket(link).unlink(missing_ok=True)
    for end, other in _cabled(len(ports), cable):
        arguments += ["--cable", f"{end}={other}"]
    process = _Process(paths.CARD_MODEL, arguments, folder / "cards.log", len(ports))
    return {name: Model(process, port, folder, name) for name, port in ports.items()}


def _number(name: str) -> int:
    """The number of a card in its name."""
    digits = name.removeprefix("qda")
    if not digits.isdecimal():
        raise ModelError(f"a card is named qda and a number, not {name}")
    return int(digits)


def _cabled(count: int, cable: Cable | None) -> list[tuple[str, str]]:
    """Each link of so many cards that is connected, and what with."""
    links = range(CARD_LINKS)
    if count == 2:
        return [(f"0.{link}", f"1.{link}") for link in links]
    if cable is None:
        return []
    how = "listen" if cable.listens else "connect"
    return [(f"0.{link}", f"{how}:{cable.socket(link)}") for link in links]


def card_firmware(destination: Path) -> None:
    """Write the firmware that the cards want."""
    subprocess.run([paths.CARD_FIRMWARE, destination, "--memory", str(CARD_MEMORY)], check=True)


def _sockets(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.sock", folder / f"{name}.control"


def _fresh_sockets(folder: Path, name: str) -> tuple[Path, Path]:
    both = _sockets(folder, name)
    for stale in both:
        stale.unlink(missing_ok=True)
    return both
