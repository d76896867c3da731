# SPDX-License-Identifier: GPL-2.0
"""A client of QEMU's monitor protocol: commands and their answers; events are passed over."""

import json
import socket
import threading
import time
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, or did not answer in time."""


class Qmp:
    """Speaks on a connected socket, one command at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._pending = b""
        self._lock = threading.Lock()
        self._receive(time.monotonic() + 30)
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run one command and return what it returns."""
        with self._lock:
            return self._execute(command, arguments)

    def _execute(self, command: str, arguments: dict[str, Any]) -> Any:
        request = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + 30
        while True:
            message = self._receive(deadline)
            if "error" in message:
                raise QmpError(message["error"]["desc"])
            if "return" in message:
                return message["return"]

    def _receive(self, deadline: float) -> dict:
        while b"\n" not in self._pending:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                raise QmpError("no answer in time") from None
            if not chunk:
                raise QmpError("QEMU closed its monitor")
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        return json.loads(line)
