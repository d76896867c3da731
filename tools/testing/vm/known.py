# SPDX-License-Identifier: GPL-2.0
"""What a device model knows of its device, by the names that `fields` has; asked at the model's control socket."""

import uuid
from collections import Counter
from collections.abc import Callable

from .exits import Values

ENGINES = ("copy0", "copy1", "tensor0", "tensor1", "collective")
ENGINE_KINDS = {"1": "copy", "2": "compute", "3": "collective"}
# What fdinfo calls engines that are alike.
ALIKE = {"1": "copy", "2": "tensor", "3": "collective"}
SENSOR_KINDS = {"1": "temperature", "2": "power", "3": "voltage", "4": "frequency"}
THROTTLE = {"die": "temperature", "memory": "temperature", "power": "power", "brake": "external"}
BLOCKS = {
    "memory": "memory",
    "mmu": "mmu",
    **dict.fromkeys(ENGINES, "engine"),
    "firmware": "firmware",
    "queues": "queues",
    "pci": "bus",
    "link0": "link",
    "link1": "link",
}
ROW_STATES = {"1": "pending", "2": "retired", "3": "stuck"}
ROW_CAUSES = {"1": "uncorrected error", "2": "corrected errors"}
LINK_STATES = {"0": "disabled", "1": "training", "2": "up", "3": "down"}
# DEVICE_STATE and FW_STATE of a card that works.
READY = "2"
RUNNING = "5"

# Sends a command, returns what follows the `ok`.
Ask = Callable[[str], str]


def by(ask: Ask) -> Values:
    """All that a model knows; `table` is which one of `fields` it fits."""
    identity = _pairs(ask("identity"))
    return _npu(identity, ask) if "macs" in identity else _card(identity, ask)


def _pairs(text: str) -> Values:
    return dict(pair.split("=", 1) for pair in text.split())


def _npu(identity: Values, ask: Ask) -> Values:
    return {"table": "npu", **identity, "jobs": _pairs(ask("state"))["jobs"]}


def _card(identity: Values, ask: Ask) -> Values:
    known = {"table": "card", **identity, "uuid": _uuid(identity["uuid"])}
    known["health"] = "operational" if _pairs(ask("state"))["device"] == READY else "another"
    reasons, known["energy"] = ask("telemetry power").split()
    for number, (reason, kind) in enumerate(THROTTLE.items()):
        known[f"throttle.{reason}.kind"] = kind
        known[f"throttle.{reason}.active"] = str(int(reasons) >> number & 1)
    state, version = map(int, ask("telemetry firmware").split())
    known["firmware.management.version"] = f"{version >> 24}.{version >> 16 & 0xff}.{version & 0xffff}"
    known["firmware.management.running"] = str(int(str(state) == RUNNING))
    for part in (_engines, _sensors, _errors, _rows, _links):
        known |= part(ask)
    return known


def _uuid(digits: str) -> str:
    return str(uuid.UUID(hex=digits))


def _engines(ask: Ask) -> Values:
    known = {}
    counts, times = Counter(), Counter()
    for name, text in zip(ENGINES, ask("telemetry engines").split(), strict=True):
        kind, ever, now, known[f"engine.{name}.packets"] = text.split(":")
        known[f"engine.{name}.kind"] = ENGINE_KINDS[kind]
        known[f"engine.{name}.user"] = ever
        counts[ALIKE[kind]] += 1
        times[ALIKE[kind]] += int(now)
    known |= {f"alike.{name}.count": str(count) for name, count in counts.items() if count > 1}
    known |= {f"alike.{name}.time": str(time) for name, time in times.items()}
    known["client.user"] = str(times.total())
    return known


def _sensors(ask: Ask) -> Values:
    known = {}
    for value, text in zip(ask("telemetry sensors").split(), ask("telemetry limits").split(), strict=True):
        number, label, high, critical = text.split(":")
        kind = SENSOR_KINDS[number]
        for name, known_value in (("value", value), ("high", high), ("critical", critical)):
            if known_value != "-":
                known[f"{kind}.{label}.{name}"] = known_value
    return known


def _errors(ask: Ask) -> Values:
    known = {}
    for (block, kind), text in zip(BLOCKS.items(), ask("telemetry errors").split(), strict=True):
        known[f"errors.{block}.kind"] = kind
        known[f"errors.{block}.corrected"], known[f"errors.{block}.uncorrected"] = text.split(":")
    return known


def _rows(ask: Ask) -> Values:
    spares, *rows = ask("telemetry rows").split()
    known = {"rows.spares": spares} | {f"rows.{state}": "0" for state in ROW_STATES.values()}
    for number, row in enumerate(rows):
        address, cause, state = row.split(":")
        known[f"row.{number}.address"] = str(int(address, 0))
        known[f"row.{number}.cause"] = ROW_CAUSES[cause]
        known[f"row.{number}.state"] = ROW_STATES[state]
        known[f"rows.{ROW_STATES[state]}"] = str(int(known[f"rows.{ROW_STATES[state]}"]) + 1)
    return known


def _links(ask: Ask) -> Values:
    known = {}
    counters = ("sent", "received", "damaged", "replays", "losses")
    both = zip(ask("telemetry links").split(), ask("telemetry peers").split(), strict=True)
    for number, (link, peer) in enumerate(both):
        state, *counts = link.split(":")
        other, its, speed, lanes = peer.split(":")
        told = {"state": LINK_STATES[state], "up": str(int(LINK_STATES[state] == "up")), "speed": speed, "lanes": lanes}
        told |= dict(zip(counters, counts, strict=True))
        if LINK_STATES[state] == "up":
            told |= {"peer": _uuid(other), "peer_link": its}
        known |= {f"link.{number}.{name}": value for name, value in told.items()}
    return known
