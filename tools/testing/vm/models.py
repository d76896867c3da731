# SPDX-License-Identifier: GPL-2.0
"""Device model processes: start, talk to, kill."""

import socket
import subprocess
import time
from pathlib import Path

from . import paths

START_SECONDS = 10
ANSWER_SECONDS = 30


class ModelError(Exception):
    """A model did not start, answer or obey."""


class Model:
    """One process and its two sockets: QEMU's end, and the control socket."""

    def __init__(self, name: str, config: str, folder: Path, port: int) -> None:
        self.port = port
        self.socket = folder / f"{name}.{port}.sock"
        self._control_path = folder / f"{name}.{port}.control"
        for stale in (self.socket, self._control_path):
            stale.unlink(missing_ok=True)
        self._log = open(folder / f"{name}.log", "ab")
        arguments = ["--socket", self.socket, "--config", config, "--control", self._control_path]
        if not paths.MODEL.is_file():
            raise ModelError("no model at build/bin/ethosu-model: run scripts/build-programs")
        self._process = subprocess.Popen(
            [paths.MODEL, *arguments], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        self._control: socket.socket | None = None
        self._wait_for(self.socket)

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

    def kill(self) -> None:
        """End the process the hard way; harmless if it is gone."""
        if self._control:
            self._control.close()
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _connect(self) -> socket.socket:
        if not self._control:
            self._wait_for(self._control_path)
            self._control = socket.socket(socket.AF_UNIX)
            self._control.settimeout(ANSWER_SECONDS)
            self._control.connect(str(self._control_path))
        return self._control

    def _wait_for(self, path: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not path.exists():
            if self._process.poll() is not None:
                raise ModelError(f"the model ended with status {self._process.returncode}")
            if time.monotonic() > deadline:
                raise ModelError("the model did not open its socket")
            time.sleep(0.01)
