# SPDX-License-Identifier: GPL-2.0
"""Serves the guest's `host` command: one line in from ttyS1, one line back."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from . import documents, exits, fields, known, models, packets, paths, promises
from .models import Model, ModelError
from .qemu import ANCHORS, PORTS
from .qmp import Qmp, QmpError

UNPLUG_SECONDS = 60

# What the judges say.
JUDGEMENTS = (packets.Unproven, documents.Invalid, exits.Unreadable, fields.Disagreement, promises.Broken)


class Channel:
    """Runs in a thread of its own, which alone speaks QMP and to the models."""

    def __init__(
        self, line: socket.socket, qmp: Qmp, folder: Path, plugged: dict[str, Model], cut: Callable[[], None]
    ) -> None:
        self._line = line
        self._qmp = qmp
        self._folder = folder
        self._cut_power = cut
        # Those that are there from the start, and those that are plugged later.
        self._models = dict(plugged)
        # How much of each card's log of packets was judged.
        self._judged: dict[str, int] = {}
        # What a device's model knew when it was told to note it.
        self._noted: dict[str, exits.Values] = {}
        self._port = 0
        self._unplugs = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread (QEMU is gone by now) and every model."""
        self._thread.join(UNPLUG_SECONDS)
        for model in self._models.values():
            model.let_go()

    def _serve(self) -> None:
        pending = b""
        while chunk := self._receive():
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                answer = self._answer(line.decode(errors="replace").split())
                # QEMU may be gone by now.
                with contextlib.suppress(OSError):
                    self._line.sendall(answer.encode() + b"\n")

    def _receive(self) -> bytes:
        try:
            return self._line.recv(4096)
        except OSError:
            return b""

    def _answer(self, words: list[str]) -> str:
        commands = {
            "echo": self._echo,
            "plug": self._plug,
            "unplug": self._unplug,
            "loosen": self._loosen,
            "unplugged": self._unplugged,
            "model": self._model,
            "kill": self._kill,
            "cut": self._cut,
            "waits": self._waits,
            "insert": self._insert,
            "remove": self._remove,
            "valid": self._valid,
            "note": self._note,
            "agrees": self._agrees,
        }
        if not words or words[0] not in commands:
            return f"error no such command; there are: {' '.join(commands)}"
        try:
            return commands[words[0]](*words[1:])
        except (ModelError, QmpError, *JUDGEMENTS) as error:
            return f"error {error}"
        except KeyError as error:
            return f"error no device {error}"
        except TypeError:
            return f"error wrong number of arguments for {words[0]}"

    def _echo(self, *words: str) -> str:
        return " ".join(["ok", *words])

    def _plug(self, name: str, config: str = "256") -> str:
        if name in self._models:
            return f"error {name} is plugged"
        used = {model.port for model in self._models.values()}
        if used >= {f"rp{port}" for port in range(PORTS)}:
            return "error no free root port"
        # In turn, so that a device seldom comes where another was: see _anchor.
        while f"rp{self._port}" in used:
            self._port = (self._port + 1) % PORTS
        port, self._port = self._port, (self._port + 1) % PORTS
        self._models[name] = model = models.plugged(name, config, self._folder, f"rp{port}")
        try:
            self._qmp.execute(
                "device_add",
                driver="vfio-user-pci",
                id=name,
                bus=model.port,
                socket={"type": "unix", "path": str(model.socket)},
            )
        except QmpError:
            self._models.pop(name).let_go()
            raise
        return f"ok port={port}"

    def _unplug(self, name: str) -> str:
        self._loosen(name)
        self._qmp.execute("device_del", id=name)
        return self._unplugged(name)

    def _loosen(self, name: str) -> str:
        """Let the guest have a device taken out, by its slot's power."""
        self._models[name]
        self._anchor(name)
        return "ok"

    def _anchor(self, name: str) -> None:
        """Keep QEMU's object of a device alive after its removal.

        QEMU 11.1 aborts when it frees a vfio-user-pci device that has MSI-X: its BARs are gone when it
        takes the PBA out of them (vfio_user_msix_teardown). A console's link to the device is a reference.
        """
        if self._unplugs == ANCHORS:
            raise QmpError(f"no more than {ANCHORS} unplugs in one boot")
        console = f"/backend/console[{self._unplugs}]"
        self._qmp.execute("qom-set", path=console, property="device", value=f"/machine/peripheral/{name}")
        self._unplugs += 1

    def _unplugged(self, name: str) -> str:
        model = self._models[name]
        if not self._is_let_go(name):
            return f"error the guest did not let go of {name} in {UNPLUG_SECONDS} s"
        model.let_go()
        del self._models[name]
        return "ok"

    def _is_let_go(self, name: str) -> bool:
        deadline = time.monotonic() + UNPLUG_SECONDS
        # The event DEVICE_DELETED would only come when the object is freed: see _anchor.
        while any(child["name"] == name for child in self._qmp.execute("qom-list", path="/machine/peripheral")):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _insert(self, name: str, driver: str, bus: str, *properties: str) -> str:
        """Plug a device of QEMU's own; properties are KEY=VALUE."""
        more = dict(text.split("=", 1) for text in properties)
        self._qmp.execute("device_add", driver=driver, id=name, bus=bus, **more)
        return "ok"

    def _remove(self, name: str) -> str:
        """Take one out."""
        self._qmp.execute("device_del", id=name)
        return "ok" if self._is_let_go(name) else f"error the guest did not let go of {name} in {UNPLUG_SECONDS} s"

    def _model(self, name: str, *command: str) -> str:
        return self._models[name].command(" ".join(command))

    def _kill(self, name: str) -> str:
        self._models[name].kill()
        return "ok"

    def _cut(self) -> str:
        """Cut the machine's power; nobody reads the answer."""
        self._cut_power()
        return "ok"

    def _valid(self, schema: str, *words: str) -> str:
        """Judge JSON documents that accel-smi has printed, by one of its schemas."""
        count = documents.judge(paths.SCHEMAS / f"{schema}.json", " ".join(words))
        return f"ok {count}"

    def _known(self, name: str) -> exits.Values:
        """All that a device's model knows of it."""
        return known.by(lambda command: self._models[name].ask(command))

    def _note(self, name: str) -> str:
        """Note what a model knows, before the exits of its device are asked."""
        self._noted[name] = self._known(name)
        return "ok"

    def _agrees(self, name: str, packed: str) -> str:
        """Hold what exits have shown of a device since `note` against what its model knows, and what is promised."""
        shown = exits.take_apart(packed)
        promises.judge(paths.ABI, shown)
        return f"ok {fields.judge(self._noted.pop(name), self._known(name), shown)}"

    def _waits(self, name: str, relation: str, count: str) -> str:
        """Judge what a card did since the last time: `at-most` or `more-than` so many large packets were waited for."""
        with open(self._models[name].log, encoding="ascii") as log:
            log.seek(self._judged.get(name, 0))
            requests = packets.small_requests(packets.parse(log.read()))
            self._judged[name] = log.tell()
        most = packets.most(requests)
        good = {"at-most": most <= int(count), "more-than": most > int(count)}[relation]
        return f"{'ok' if good else 'error'} {packets.summary(requests)}"
