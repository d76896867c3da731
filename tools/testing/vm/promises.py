# SPDX-License-Identifier: GPL-2.0
"""What exits promise beyond values: Documentation/ABI has every file of sysfs, and igt's parser has room for fdinfo."""

import re
from collections.abc import Iterator
from pathlib import Path

from .exits import Values

NODE = "/sys/class/accel/accelN/"
WHAT = re.compile(r"^What:\s+(\S+)$", re.MULTILINE)
DRIVER = re.compile(r"\((?:RO|RW|WO)[^)]*driver (\w+)\)")
# Of some devices only.
PARTLY = re.compile(r"Not\s+there|no\s+such\s+files")
# What stands for a name or a number.
WILD = re.compile(r"ENGINE|[KMN](?=[/_]|$)")

# Files that every class device has.
USUAL = re.compile(r"(dev|uevent|power/\w+)")

# lib/igt_drm_fdinfo.h and .c: DRM_CLIENT_FDINFO_MAX_ENGINES, DRM_CLIENT_FDINFO_MAX_REGIONS, the buffer.
IGT_ENGINES = 16
IGT_REGIONS = 16
IGT_BYTES = 4096


class Broken(Exception):
    """A file that is not documented, or the other way round; more than a parser takes."""


def judge(abi: Path, shown: Values) -> None:
    """Hold what exits have shown of a device against what is promised of them."""
    mistakes = [*_files(abi.read_text(encoding="utf-8"), shown), *_limits(shown)]
    if mistakes:
        raise Broken("; ".join(mistakes))


def _files(abi: str, shown: Values) -> Iterator[str]:
    files = {key.removeprefix("sysfs:") for key in shown if key.startswith("sysfs:")}
    files = {file for file in files if not file.startswith("monitor/") and not USUAL.fullmatch(file)}
    seen = set()
    for entry in abi.split("\n\nWhat:"):
        entry = entry if entry.startswith("What:") else f"What:{entry}"
        driver = DRIVER.search(entry)
        if driver and driver[1] != shown["smi:driver"]:
            continue
        for what in WHAT.findall(entry):
            name = what.removeprefix(NODE)
            if name == what or name.startswith("device/"):
                continue
            found = {file for file in files if _pattern(name).fullmatch(file)}
            seen |= found
            if not found and not PARTLY.search(entry):
                yield f"{what} is documented, and not there"
    yield from (f"{NODE}{file} is not documented" for file in sorted(files - seen))


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(r"[^/]+".join(re.escape(part) for part in WILD.split(name)))


def _limits(shown: Values) -> Iterator[str]:
    fdinfo = {key.removeprefix("fdinfo:"): value for key, value in shown.items() if key.startswith("fdinfo:")}
    for what, most, key in (
        ("engines", IGT_ENGINES, re.compile(r"drm-engine-(?!capacity-).*")),
        ("regions", IGT_REGIONS, re.compile(r"drm-total-.*")),
    ):
        count = sum(bool(key.fullmatch(name)) for name in fdinfo)
        if not 0 < count <= most:
            yield f"fdinfo has {count} {what}"
    # A line has a colon and a tab or a space that keys here do not.
    size = sum(len(f"{key}:\t{value}\n") for key, value in fdinfo.items())
    if size >= IGT_BYTES:
        yield f"fdinfo has {size} bytes"
