# SPDX-License-Identifier: GPL-2.0
"""Boots one scenario on one kernel, listens to its machines until they end, and judges them."""

import selectors
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, Callable

from . import machine, paths, stuck
from .models import ModelError
from .qmp import QmpError
from .scenario import Scenario
from .verdict import Verdict

POWEROFF_SECONDS = 15

# Gets every byte the guest prints, with the name of its stream.
Echo = Callable[[str, bytes], None]


class GuestTimeout(Exception):
    """The guest took too long, or was silent for too long."""


class _Lines:
    """Cuts a byte stream into lines, for a log file and a consumer."""

    def __init__(self, log: Path, consume: Callable[[str], None], echo: Callable[[bytes], None]) -> None:
        self._log = open(log, "wb")
        self._consume = consume
        self._echo = echo
        self._rest = b""

    def feed(self, data: bytes) -> None:
        self._log.write(data)
        self._echo(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._consume(line.decode(errors="replace").rstrip("\r"))

    def close(self) -> None:
        if self._rest:
            self._consume(self._rest.decode(errors="replace"))
        self._log.close()


def run(scenario: Scenario, echo: Echo) -> list[Verdict]:
    """Boot, listen, judge: each of the scenario's machines, all at the same time."""
    machines = scenario.machines()
    with ThreadPoolExecutor(len(machines)) as pool:
        return list(pool.map(partial(_run, echo=echo), machines))


def _run(scenario: Scenario, echo: Echo) -> Verdict:
    folder = paths.RUNS / f"{scenario.name}-{scenario.kernels[0]}"
    verdict = Verdict(scenario, folder)
    started = time.monotonic()
    try:
        with machine.start(scenario, folder) as guest:
            kernel = _Lines(folder / "kernel.log", verdict.kernel_line, partial(echo, "kernel"))
            program = _Lines(folder / "program.log", verdict.program_line, partial(echo, "program"))
            try:
                _listen({guest.kernel: kernel, guest.program: program}, scenario, verdict)
                verdict.is_cut = guest.is_cut
            except GuestTimeout as error:
                verdict.trouble.append(str(error))
                verdict.trouble += stuck.where(guest.monitor, paths.symbols(scenario.kernels[0]))
                verdict.trouble.append(f"the kernel's last line: {verdict.last_line}")
    except (machine.MachineError, ModelError, QmpError) as error:
        verdict.trouble.append(str(error))
    verdict.finish(time.monotonic() - started)
    lines = [f"{seconds:8.2f} {name}\n" for seconds, name in verdict.report.seconds]
    (folder / "times.log").write_text("".join(lines))
    return verdict


def shell(scenario: Scenario) -> int:
    """Boot to a shell on this terminal; the host channel works as in a test."""
    with machine.start(scenario, paths.RUNS / "shell", interactive=True) as guest:
        return guest.process.wait()


def _listen(streams: dict[BinaryIO, _Lines], scenario: Scenario, verdict: Verdict) -> None:
    """Feed both streams until QEMU closes them or time is up."""
    selector = selectors.DefaultSelector()
    for stream in streams:
        selector.register(stream, selectors.EVENT_READ)
    end = time.monotonic() + scenario.timeout
    silent = time.monotonic() + scenario.silence
    try:
        while selector.get_map():
            if min(end, silent) < time.monotonic():
                raise GuestTimeout(_overdue(scenario, verdict, end))
            ready = selector.select(min(end, silent) - time.monotonic())
            for key, _ in ready:
                if data := key.fileobj.read(65536):
                    streams[key.fileobj].feed(data)
                else:
                    selector.unregister(key.fileobj)
            if ready:
                patience = scenario.silence if verdict.status is None else POWEROFF_SECONDS
                silent = time.monotonic() + patience
    finally:
        for lines in streams.values():
            lines.close()


def _overdue(scenario: Scenario, verdict: Verdict, end: float) -> str:
    if verdict.status is not None:
        return f"not powered off {POWEROFF_SECONDS} s after its end"
    if time.monotonic() >= end:
        return f"not done after {scenario.timeout} s"
    return f"silent for {scenario.silence} s"
