# SPDX-License-Identifier: GPL-2.0
"""The judge of promises: files without documentation, documentation without files, too much for a parser."""

import tempfile
import unittest
from pathlib import Path

from vm import promises

ABI = """\
What:		/sys/class/accel/accelN
Description:
		A link.

What:		/sys/class/accel/accelN/health
Description:
		(RO) How it is.

What:		/sys/class/accel/accelN/busy_ns/ENGINE
Description:
		(RO) Time.

What:		/sys/class/accel/accelN/limits/a
What:		/sys/class/accel/accelN/limits/b
Description:
		(RW, mode 0644) Devices without have no such
		files.

What:		/sys/class/accel/accelN/macs
Description:
		(RO, driver npu) Operations.

What:		/sys/class/accel/accelN/device/hwmon/hwmonM/
Description:
		(RO) Sensors.
"""

SHOWN = {
    "smi:driver": "card",
    "sysfs:health": "operational",
    "sysfs:busy_ns/npu": "5",
    "sysfs:dev": "1:2",
    "sysfs:power/control": "auto",
    "sysfs:monitor/uevent": "",
    "fdinfo:drm-engine-npu ns": "5",
    "fdinfo:drm-engine-capacity-npu": "2",
    "fdinfo:drm-total-memory KiB": "4",
}


class Judging(unittest.TestCase):
    def judge(self, **changes: str | None) -> None:
        shown = SHOWN | changes
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(ABI)
            file.flush()
            promises.judge(Path(file.name), {key: value for key, value in shown.items() if value is not None})

    def refused(self, why: str, **changes: str | None) -> None:
        with self.assertRaisesRegex(promises.Broken, why):
            self.judge(**changes)

    def test_what_is_documented_may_be_there(self) -> None:
        self.judge()
        self.judge(**{"sysfs:limits/a": "0", "sysfs:limits/b": "0"})
        self.judge(**{"smi:driver": "npu", "sysfs:macs": "256"})

    def test_files_without_documentation(self) -> None:
        self.refused("accelN/speed is not documented", **{"sysfs:speed": "1"})
        self.refused("accelN/busy_ns/a/b is not documented", **{"sysfs:busy_ns/a/b": "1"})
        self.refused("accelN/macs is not documented", **{"sysfs:macs": "256"})

    def test_documentation_without_files(self) -> None:
        self.refused("accelN/health is documented, and not there", **{"sysfs:health": None})
        self.refused("accelN/macs is documented, and not there", **{"smi:driver": "npu"})

    def test_igt_has_room(self) -> None:
        self.judge(**{f"fdinfo:drm-engine-e{number} ns": "1" for number in range(15)})
        self.refused("17 engines", **{f"fdinfo:drm-engine-e{number} ns": "1" for number in range(16)})
        self.refused("17 regions", **{f"fdinfo:drm-total-r{number} KiB": "1" for number in range(16)})
        self.refused("0 engines", **{"fdinfo:drm-engine-npu ns": None})
        self.refused("bytes", **{"fdinfo:drm-client-name": "x" * 4096})


if __name__ == "__main__":
    unittest.main()
