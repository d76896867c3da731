# SPDX-License-Identifier: GPL-2.0
"""What tells of a device: collected in the guest by `EXITS`, taken apart here into values by key, all of them text.

A key begins with the exit that it is of:

- `smi:`       where it is in the JSON of accel-smi, by names instead of numbers: `smi:sensors.temperature.die.value`
- `exporter:`  a metric with the label that says what of the device it is of; others are keys of their own:
               `exporter:power_watts{sensor=board}`, `exporter:device_info.uuid`, `exporter:kind{block=pci}`
- `sysfs:`     a file below the class device of the compute node, or of the monitor node: `sysfs:monitor/dev`
- `hwmon:`     a file of the device's hwmon, by the label of the sensor: `hwmon:temp{die}_max`
- `fdinfo:`    a key of the client's fdinfo, with its unit: `fdinfo:drm-total-local KiB`
"""

import base64
import gzip
import json
import re
import zlib
from typing import Any, Iterator

# `agrees NAME N PID`: all that is told of device N, which has PID as its only client, fits what its model NAME knows.
# The client has stopped, and accel-exporter runs.
EXITS = """
# files FOLDER AS: each file below it with its first line.
files() {
	find "$1/" -type f | while read -r file; do
		line=
		read -r line 2>/dev/null <"$file"
		echo "$2${file#"$1"/} $line"
	done
}
# fdinfo N PID: of the compute node.
fdinfo() {
	for file in "/proc/$2/fd/"*; do
		[ "$(readlink "$file")" != "/dev/accel/accel$1" ] || cat "/proc/$2/fdinfo/${file##*/}"
	done
}
exits() {
	echo '= smi'
	accel-smi -i "$1" --json
	echo '= exporter'
	wget -qO- http://127.0.0.1:29836/metrics | grep "device=\\"accel$1\\""
	echo '= sysfs'
	files "/sys/class/accel/accel$1" ''
	files "/sys/class/accel_monitor/monitor$1" monitor/
	echo '= hwmon'
	for chip in "/sys/class/accel/accel$1/device/hwmon/"hwmon*; do
		[ ! -d "$chip" ] || files "$chip" ''
	done
	echo '= fdinfo'
	fdinfo "$1" "$2"
}
agrees() {
	host note "$1" && host agrees "$1" "$(exits "$2" "$3" | gzip | base64 -w 0)" >/tmp/why 2>&1 && return
	sed 's/.*: error/#/' /tmp/why
	return 1
}
"""

Values = dict[str, str]

# What an element of these arrays of accel-smi is called; others have numbers.
NAMED = {
    "engines": ("name",),
    "memory": ("name",),
    "sensors": ("kind", "label"),
    "throttle": ("name",),
    "errors": ("name",),
    "firmware": ("name",),
}

SAMPLE = re.compile(r"accel_(\w+)\{(.*)\} (\S+)")
CHANNEL = re.compile(r"([a-z]+)(\d+)_(\w+)")
# Labels that say what of the device a metric is of.
WHICH = ("engine", "region", "sensor", "reason", "block", "firmware", "link")
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Unreadable(Exception):
    """What was collected is not what `EXITS` collects."""


def take_apart(packed: str) -> Values:
    """All values of all exits."""
    try:
        text = gzip.decompress(base64.b64decode(packed, validate=True)).decode()
        parts = dict(part.partition("\n")[::2] for part in text.removeprefix("= ").split("\n= "))
        read = {"smi": _smi, "exporter": _exporter, "sysfs": _files, "hwmon": _hwmon, "fdinfo": _fdinfo}
        return {f"{name}:{key}": value for name in read for key, value in read[name](parts[name])}
    except (ValueError, OSError, EOFError, zlib.error, LookupError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _smi(text: str) -> Iterator[tuple[str, str]]:
    document = json.loads(text, parse_int=str, parse_float=str)
    devices = document.pop("devices")
    yield from _leaves(document, "")
    yield from _leaves(devices[0], "")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        names = NAMED.get(path, ())
        for number, child in enumerate(value):
            name = ".".join(child.pop(key) for key in names) or str(number)
            yield from _leaves(child, f"{path}.{name}")
    else:
        yield path, str(int(value)) if isinstance(value, bool) else str(value)


def _exporter(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        sample = SAMPLE.fullmatch(line)
        if not sample:
            raise Unreadable(f"exporter: {line}")
        name, labels, value = sample[1], dict(LABEL.findall(sample[2])), sample[3]
        del labels["device"]
        which = {key: labels.pop(key) for key in tuple(labels) if key in WHICH}
        if name == "device_state":
            if value == "1":
                yield name, labels["state"]
        elif name.endswith("_info"):
            yield from ((f"{_metric(name, which)}.{key}", text) for key, text in labels.items())
        else:
            if "kind" in labels:
                yield _metric("kind", which), labels.pop("kind")
            yield _metric(name, which | labels), value


def _metric(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f"{key}={value}" for key, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name


def _files(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        file, _, value = line.partition(" ")
        yield file, value


def _hwmon(text: str) -> Iterator[tuple[str, str]]:
    files = dict(_files(text))
    for file, value in files.items():
        sensor = CHANNEL.fullmatch(file)
        if not sensor:
            yield file, value
        elif sensor[3] != "label":
            yield f"{sensor[1]}{{{files[sensor[1] + sensor[2] + '_label']}}}_{sensor[3]}", value


def _fdinfo(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        value, _, unit = value.strip().partition(" ")
        yield f"{key} {unit}".strip(), value
