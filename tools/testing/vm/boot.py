# SPDX-License-Identifier: GPL-2.0
"""Boots one scenario on one kernel, listens to its machines until they end, and judges them."""

import selectors
import shutil
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
# QEMU 11.1 sets an error twice, now and then, when a device model dies while a CPU waits for its answer.
QEMU_FAULT = b"error_setv: Assertion `*errp == NULL' failed"
# So often is a machine booted again that ended by nothing but that.
AGAIN = 2

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
    for again in range(AGAIN + 1):
        with ThreadPoolExecutor(len(machines)) as pool:
            verdicts = list(pool.map(partial(_run, echo=echo), machines))
        for verdict in verdicts:
            verdict.again = again
        if again == AGAIN or not _is_qemus(verdicts):
            break
        for verdict in verdicts:
            _keep(verdict.folder)
    return verdicts


def _is_qemus(verdicts: list[Verdict]) -> bool:
    """Whether all that is wrong with a boot is a known fault of QEMU's."""
    is_well = all(verdict.ended_early or not verdict.failed for verdict in verdicts)
    return is_well and any(
        verdict.ended_early and QEMU_FAULT in (verdict.folder / "qemu.log").read_bytes() for verdict in verdicts
    )


def _keep(folder: Path) -> None:
    """Put the logs of a boot aside, before there is another one."""
    kept = folder.with_name(f"{folder.name}.qemu")
    shutil.rmtree(kept, ignore_errors=True)
    folder.rename(kept)


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
