# SPDX-License-Identifier: GPL-2.0
"""Which exit shows which field of a device, and in what unit; judges whether all of them say the same.

There is one table for each kind of device. What an exit shows that its table does not have is wrong, and so is what
it does not show though the table says so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from .exits import Values

# How many of the field's unit one of a key's is; TEXT is compared as it is.
Unit = Fraction | int | None
TEXT = None
MILLI = Fraction(10**3)
MICRO = Fraction(10**6)
NANO = Fraction(10**9)
KIB = Fraction(2**10)
MEGA = Fraction(1, 10**6)


@dataclass(frozen=True)
class Field:
    """A field, and the keys of the exits that show it, each with its unit; `*` is the same name in all of them."""

    name: str
    shown: dict[str, Unit]
    # Else the exits are held against each other, in the order of the table.
    is_known: bool = True
    # It goes on while exits are asked, one after the other.
    grows: bool = False


def _untold(*keys: str, unit: Unit = 1) -> Field:
    return Field(keys[0], dict.fromkeys(keys, unit), is_known=False)


def _sensor(kind: str, unit: Fraction, metric: str, chip: str, hwmon: Fraction | int) -> Iterator[Field]:
    """Sensors of a kind, with the units of accel-smi and the exporter, and of hwmon."""
    for name, smi, suffix, file in (
        ("value", "value", "", "input"),
        ("high", "high", "_limit", "max"),
        ("critical", "critical", "_critical", "crit"),
    ):
        quantity, base = metric.split("_")
        yield Field(
            f"{kind}.*.{name}",
            {
                f"smi:sensors.{kind}.*.{smi}": unit,
                f"exporter:{quantity}{suffix}_{base}{{sensor=*}}": unit,
                f"hwmon:{chip}{{*}}_{file}": hwmon,
            },
        )


# Of every device.
COMMON = (
    Field("vendor", {"smi:vendor_id": 1}),
    Field("device", {"smi:device_id": 1}),
    # What the kernel, its driver and the machine know, and the model does not.
    _untold("smi:index"),
    _untold("exporter:up"),
    _untold("smi:name", "exporter:device_info.model", unit=TEXT),
    _untold("smi:bus", "exporter:device_info.bus", unit=TEXT),
    _untold("smi:address", "exporter:device_info.address", "fdinfo:drm-pdev", unit=TEXT),
    _untold("smi:driver", "exporter:device_info.driver", "fdinfo:drm-driver", unit=TEXT),
    _untold("smi:driver_version", "exporter:device_info.driver_version", unit=TEXT),
    _untold("smi:core_version", "exporter:device_info.core_version", unit=TEXT),
    _untold("smi:resets.count", "exporter:resets_total", "sysfs:resets"),
    _untold("smi:resets.epoch", "exporter:full_resets_total", "sysfs:reset_epoch"),
    # Of a device that is awake, as it is while all this is asked.
    _untold("smi:sleep.count", "exporter:sleeps_total"),
    Field("slept", {"smi:sleep.time_ns": 1, "exporter:asleep_seconds_total": NANO}, is_known=False),
    _untold("smi:capabilities.*", unit=TEXT),
    _untold("sysfs:isolated"),
    # Clients.
    _untold("smi:clients.mode", "sysfs:compute_mode", unit=TEXT),
    _untold("smi:clients.clients", "exporter:clients"),
    _untold("smi:clients.monitors"),
    _untold("smi:clients.opens", "exporter:client_opens_total"),
    _untold("smi:clients.refused", "exporter:client_refusals_total"),
    _untold("smi:processes.0.client", "fdinfo:drm-client-id"),
    _untold("smi:processes.0.pid"),
    _untold("smi:processes.0.uid"),
    _untold("smi:processes.0.name", unit=TEXT),
    _untold("smi:processes.0.jobs"),
    _untold("smi:processes.0.failed"),
    _untold("smi:processes.0.utilization"),
    # Jobs, whose time and number the kernel counts.
    _untold("smi:engines.*.utilization"),
    _untold("smi:engines.*.queued", "exporter:queue_depth{engine=*}"),
    _untold("smi:engines.*.failed", "exporter:jobs_total{engine=*,result=failed}"),
    Field(
        "engine.*.busy",
        {
            "smi:engines.*.busy_ns": 1,
            "exporter:engine_busy_seconds_total{engine=*,work=jobs}": NANO,
            "sysfs:busy_ns/*": 1,
        },
        is_known=False,
    ),
    # Memory of the host, and buffers.
    _untold("smi:memory.memory.kind", unit=TEXT),
    _untold("smi:memory.*.used_bytes", "exporter:memory_used_bytes{region=*}"),
    *(_untold(f"fdinfo:drm-{what}-* KiB") for what in ("resident", "shared", "active", "purgeable")),
)

CARD = (
    Field("uuid", {"smi:uuid": TEXT, "exporter:device_info.uuid": TEXT, "sysfs:uuid": TEXT}),
    Field("health", {"smi:state": TEXT, "exporter:device_state": TEXT, "sysfs:health": TEXT}),
    # Engines.
    Field("engine.*.kind", {"smi:engines.*.kind": TEXT, "exporter:engine_info{engine=*}.kind": TEXT}),
    Field(
        "engine.*.user",
        {
            "smi:engines.*.user_ns": 1,
            "exporter:engine_busy_seconds_total{engine=*,work=user_queues}": NANO,
            "sysfs:user_ns/*": 1,
        },
    ),
    Field("engine.*.packets", {"sysfs:packets/*": 1}),
    _untold("smi:engines.*.user_failed", "exporter:user_queue_failures_total{engine=*}"),
    Field("alike.*.time", {"fdinfo:drm-engine-* ns": 1}),
    Field("alike.*.count", {"fdinfo:drm-engine-capacity-*": 1}),
    Field("client.user", {"smi:processes.0.user_ns": 1}),
    _untold("smi:processes.0.busy_ns"),
    _untold("smi:engines.*.completed", "exporter:jobs_total{engine=*,result=completed}"),
    # Memory.
    Field("memory", {"smi:memory.local.size_bytes": 1, "exporter:memory_size_bytes{region=local}": 1}),
    Field("visible", {"smi:memory.local.visible_bytes": 1}),
    _untold("smi:memory.local.kind", unit=TEXT),
    _untold("smi:memory.local.dirty_bytes", "exporter:memory_dirty_bytes{region=local}"),
    Field("client.memory", {"smi:processes.0.system_bytes": 1, "fdinfo:drm-total-memory KiB": KIB}, is_known=False),
    Field("client.local", {"smi:processes.0.local_bytes": 1, "fdinfo:drm-total-local KiB": KIB}, is_known=False),
    # Sensors.
    *_sensor("temperature", MILLI, "temperature_celsius", "temp", 1),
    *_sensor("power", MILLI, "power_watts", "power", 1 / MILLI),
    *_sensor("voltage", MILLI, "voltage_volts", "in", 1),
    *_sensor("frequency", MEGA, "clock_hertz", "freq", MEGA),
    Field(
        "energy",
        {
            "smi:sensors.energy.board.value": MICRO,
            "exporter:energy_joules_total{sensor=board}": MICRO,
            "hwmon:energy{board energy}_input": 1,
        },
    ),
    _untold("smi:sensors.*.unit", unit=TEXT),
    _untold("smi:driver", "hwmon:name", unit=TEXT),
    # Throttling; how often and for how long is what the driver saw.
    Field("throttle.*.kind", {"smi:throttle.*.reason": TEXT, "exporter:kind{reason=*}": TEXT}),
    Field("throttle.*.active", {"smi:throttle.*.active": 1, "exporter:throttle_active{reason=*}": 1}),
    _untold("smi:throttle.*.count", "exporter:throttle_events_total{reason=*}"),
    Field(
        "throttle.*.time",
        {"smi:throttle.*.time_ns": 1, "exporter:throttle_seconds_total{reason=*}": NANO},
        is_known=False,
        grows=True,
    ),
    # Errors, and rows that are bad.
    Field("errors.*.kind", {"smi:errors.*.kind": TEXT, "exporter:kind{block=*}": TEXT}),
    *(
        Field(
            f"errors.*.{severity}",
            {f"smi:errors.*.{severity}": 1, f"exporter:errors_total{{block=*,severity={severity}}}": 1},
        )
        for severity in ("corrected", "uncorrected")
    ),
    # How many there may be is the administrator's matter; how many there were of late the kernel counts.
    _untold("smi:error_limits.period_ns"),
    *(
        _untold(
            f"smi:error_limits.{severity}.limit",
            f"exporter:error_limit{{severity={severity}}}",
            f"sysfs:error_limits/{severity}",
        )
        for severity in ("corrected", "uncorrected")
    ),
    *(
        _untold(f"smi:error_limits.{severity}.recent", f"exporter:recent_errors{{severity={severity}}}")
        for severity in ("corrected", "uncorrected")
    ),
    *(
        Field(f"rows.{state}", {f"smi:spares.{state}": 1, f"exporter:memory_rows{{state={state}}}": 1})
        for state in ("pending", "retired", "stuck")
    ),
    Field("rows.spares", {"smi:spares.spares": 1, "exporter:memory_spare_rows": 1}),
    Field("row.*.address", {"smi:rows.*.address": 1}),
    Field("row.*.state", {"smi:rows.*.state": TEXT}),
    Field("row.*.cause", {"smi:rows.*.cause": TEXT}),
    _untold("smi:rows.*.region"),
    # Firmware; how often it died is what the driver saw.
    Field(
        "firmware.*.version",
        {"smi:firmware.*.version": TEXT, "exporter:firmware_info{firmware=*}.version": TEXT},
    ),
    Field("firmware.*.running", {"smi:firmware.*.running": 1, "exporter:firmware_running{firmware=*}": 1}),
    _untold("smi:firmware.*.restarts", "exporter:firmware_restarts_total{firmware=*}"),
    # Links.
    Field("link.*.state", {"smi:links.*.state": TEXT}),
    Field("link.*.up", {"exporter:link_up{link=*}": 1}),
    Field("link.*.peer", {"smi:links.*.peer_uuid": TEXT}),
    Field("link.*.peer_link", {"smi:links.*.peer_link": 1}),
    Field("link.*.lanes", {"smi:links.*.lanes": 1, "exporter:link_lanes{link=*}": 1}),
    Field(
        "link.*.speed",
        {"smi:links.*.bits_per_second": MEGA, "exporter:link_speed_bytes_per_second{link=*}": 8 * MEGA},
    ),
    Field("link.*.sent", {"smi:links.*.sent_bytes": 1, "exporter:link_transmit_bytes_total{link=*}": 1}),
    Field("link.*.received", {"smi:links.*.received_bytes": 1, "exporter:link_receive_bytes_total{link=*}": 1}),
    Field("link.*.damaged", {"smi:links.*.errors": 1, "exporter:link_damaged_frames_total{link=*}": 1}),
    Field("link.*.replays", {"smi:links.*.replays": 1, "exporter:link_replays_total{link=*}": 1}),
    Field("link.*.losses", {"smi:links.*.losses": 1, "exporter:link_losses_total{link=*}": 1}),
)

NPU = (
    Field("macs", {"sysfs:macs": 1}),
    Field("jobs", {"smi:engines.npu.completed": 1, "exporter:jobs_total{engine=npu,result=completed}": 1}),
    _untold("smi:uuid", "exporter:device_info.uuid", "sysfs:uuid", unit=TEXT),
    _untold("smi:state", "exporter:device_state", "sysfs:health", unit=TEXT),
    _untold("smi:engines.npu.kind", "exporter:engine_info{engine=npu}.kind", unit=TEXT),
    _untold("smi:processes.0.busy_ns", "fdinfo:drm-engine-npu ns"),
    # Its client has imported memory, too, which is no memory of the device's buffers.
    _untold("smi:processes.0.system_bytes", "smi:memory.memory.used_bytes"),
    _untold("fdinfo:drm-total-memory KiB"),
)

TABLES = {"card": COMMON + CARD, "npu": COMMON + NPU}

# What exits show that is of no device: of documents, of every file of sysfs, of every open file.
NOT_OF_DEVICES = re.compile(
    r"smi:(schema|time)|sysfs:(monitor/)?(dev|uevent|power/\w+)|hwmon:(uevent|power/\w+)|fdinfo:(pos|flags|mnt_id|ino)"
    # It can only be written.
    r"|sysfs:reset"
)

# As many mistakes are told at once.
TOLD = 8


class Disagreement(Exception):
    """Exits say something else than the model, or than each other, or something that the table does not have."""


def judge(before: Values, after: Values, shown: Values) -> int:
    """Hold what exits have shown against what the model knew before and after; how many of their keys were compared."""
    mistakes, seen = [], set()
    for field in TABLES[before["table"]]:
        names = _names(field, before if field.is_known else shown)
        if not names and not field.is_known:
            mistakes.append(f"{field.name}: nobody shows it")
        for name in names:
            told = field.name.replace("*", name)
            keys = {key.replace("*", name): unit for key, unit in field.shown.items()}
            span = (before[told], after.get(told, before[told])) if field.is_known else None
            mistakes += _compare(told, keys, span, field.grows, shown)
            seen |= keys.keys()
    unknown = [key for key in shown if key not in seen and not NOT_OF_DEVICES.fullmatch(key)]
    mistakes += [f"{key} is {shown[key]}: the table does not have it" for key in unknown]
    if mistakes:
        raise Disagreement("; ".join(mistakes[:TOLD]) + (f"; {len(mistakes)} in all" if mistakes[TOLD:] else ""))
    return len(seen)


def _names(field: Field, there: Values) -> list[str]:
    """What `*` stands for: in what the model knows, or in what any exit shows."""
    patterns = [field.name] if field.is_known else field.shown
    wanted = [re.compile(re.escape(pattern).replace(r"\*", r"([^{}]+?)")) for pattern in patterns]
    matches = [match for pattern in wanted for key in there if (match := pattern.fullmatch(key))]
    return list(dict.fromkeys(match[1] if match.re.groups else "" for match in matches))


def _compare(
    name: str, keys: dict[str, Unit], span: tuple[str, str] | None, grows: bool, shown: Values
) -> Iterator[str]:
    """What is wrong with one field, if its model knows that it is in `span`, or does not know it."""
    low = high = None
    for key, unit in keys.items():
        try:
            value = _in_unit(shown[key], unit)
        except (KeyError, ValueError):
            yield f"{key} is {shown.get(key, 'not there')}"
            continue
        if span:
            low, high = (_in_unit(known, unit and 1) for known in span)
        elif low is None or grows and value > low:
            low = high = value
        if not low <= value <= high:
            yield f"{key} is {shown[key]}, {name} is {low}" + (f" to {high}" if high != low else "")


def _in_unit(text: str, unit: Unit) -> int | str:
    return text if unit is TEXT else round(Fraction(text) * unit)
