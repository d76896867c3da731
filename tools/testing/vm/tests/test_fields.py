# SPDX-License-Identifier: GPL-2.0
"""The judge of exits: what it takes apart, and that it finds each kind of mistake."""

import base64
import gzip
import unittest

from vm import exits, fields, known
from vm.exits import Values

MODEL = {"identity": "vendor=4660 device=57445 macs=256", "state": "jobs=3 irqs=3"}

SMI = """
{"schema": 1, "time": "", "devices": [{
  "index": 0, "state": "operational", "name": "U65", "uuid": "a-b", "bus": "pci", "address": "0:1",
  "driver": "d", "driver_version": "1", "core_version": "2", "vendor_id": 4660, "device_id": 57445,
  "capabilities": ["prepared-jobs", "sleeps"],
  "resets": {"count": 5, "epoch": 4},
  "sleep": {"count": 2, "time_ns": 1500},
  "clients": {"clients": 1, "monitors": 1, "opens": 2, "refused": 0, "mode": "shared"},
  "engines": [{"name": "npu", "kind": "inference", "utilization": 0.5, "queued": 0, "completed": 3, "failed": 0,
    "busy_ns": 1500000001}],
  "memory": [{"name": "memory", "kind": "system", "used_bytes": 4096}],
  "processes": [{"client": 7, "pid": 1, "uid": 0, "name": "x", "utilization": 0, "busy_ns": 1500,
    "jobs": 3, "failed": 0, "system_bytes": 4096}]
}]}
"""

EXPORTER = """
accel_up{device="accel0"} 1
accel_device_info{device="accel0",uuid="a-b",bus="pci",address="0:1",model="U65",driver="d",driver_version="1",core_version="2"} 1
accel_device_state{device="accel0",state="operational"} 1
accel_device_state{device="accel0",state="wedged"} 0
accel_resets_total{device="accel0"} 5
accel_full_resets_total{device="accel0"} 4
accel_sleeps_total{device="accel0"} 2
accel_asleep_seconds_total{device="accel0"} 0.0000015
accel_clients{device="accel0"} 1
accel_client_opens_total{device="accel0"} 2
accel_client_refusals_total{device="accel0"} 0
accel_engine_info{device="accel0",engine="npu",kind="inference"} 1
accel_engine_busy_seconds_total{device="accel0",engine="npu",work="jobs"} 1.500000001
accel_queue_depth{device="accel0",engine="npu"} 0
accel_jobs_total{device="accel0",engine="npu",result="completed"} 3
accel_jobs_total{device="accel0",engine="npu",result="failed"} 0
accel_memory_used_bytes{device="accel0",region="memory"} 4096
"""

SYSFS = """
uuid a-b
health operational
resets 5
reset_epoch 4
reset
compute_mode shared
isolated 0
busy_ns/npu 1500000001
macs 256
dev 1:2
power/control auto
monitor/uevent MAJOR=1
"""

FDINFO = """
pos:\t0
drm-driver:\td
drm-client-id:\t7
drm-pdev:\t0:1
drm-engine-npu:\t1500 ns
drm-total-memory:\t4 KiB
drm-resident-memory:\t4 KiB
drm-shared-memory:\t0 KiB
drm-active-memory:\t0 KiB
drm-purgeable-memory:\t0 KiB
"""

HWMON = """
name accel_qda
power1_label board
power1_input 60000000
power1_max 150000000
power/control auto
"""


def collected(smi: str = SMI, exporter: str = EXPORTER, sysfs: str = SYSFS, hwmon: str = "", fdinfo: str = FDINFO) -> Values:
    parts = {"smi": smi, "exporter": exporter, "sysfs": sysfs, "hwmon": hwmon, "fdinfo": fdinfo}
    text = "\n".join(f"= {name}\n{part.strip()}" for name, part in parts.items())
    return exits.take_apart(base64.b64encode(gzip.compress(text.encode())).decode())


class TakingApart(unittest.TestCase):
    def test_sensors_of_hwmon_are_known_by_their_labels(self) -> None:
        told = collected(hwmon=HWMON)
        self.assertEqual(told["hwmon:power{board}_max"], "150000000")
        self.assertEqual(told["hwmon:name"], "accel_qda")
        self.assertNotIn("hwmon:power1_label", told)

    def test_labels_that_say_more_are_keys(self) -> None:
        told = collected(exporter='accel_errors_total{device="accel0",block="pci",kind="bus",severity="corrected"} 1')
        self.assertEqual(told["exporter:kind{block=pci}"], "bus")
        self.assertEqual(told["exporter:errors_total{block=pci,severity=corrected}"], "1")

    def test_what_is_no_text_of_ours_is_refused(self) -> None:
        for packed in ("", "x", "AAAA", base64.b64encode(gzip.compress(b"= smi\n{}")).decode()):
            with self.assertRaises(exits.Unreadable):
                exits.take_apart(packed)
        with self.assertRaises(exits.Unreadable):
            collected(exporter="accel_up 1")


class Judging(unittest.TestCase):
    """An NPU: what its model knows and what it does not."""

    def judge(self, before: Values = MODEL, after: Values = MODEL, **changed: str) -> int:
        return fields.judge(known.by(before.__getitem__), known.by(after.__getitem__), collected(**changed))

    def refused(self, why: str, **changed: str) -> None:
        with self.assertRaisesRegex(fields.Disagreement, why):
            self.judge(**changed)

    def test_exits_may_agree(self) -> None:
        self.assertGreater(self.judge(), 50)

    def test_another_value_than_the_models_is_wrong(self) -> None:
        self.refused("^sysfs:macs is 512, macs is 256$", sysfs=SYSFS.replace("256", "512"))
        self.refused("^smi:vendor_id is 4661, vendor is 4660$", smi=SMI.replace("4660", "4661"))

    def test_what_the_model_does_not_know_has_to_be_the_same_everywhere(self) -> None:
        self.refused("^sysfs:reset_epoch is 5, .* is 4$", sysfs=SYSFS.replace("reset_epoch 4", "reset_epoch 5"))
        self.refused("^fdinfo:drm-driver is e, ", fdinfo=FDINFO.replace("driver:\td", "driver:\te"))

    def test_units_count(self) -> None:
        self.refused("^exporter:engine_busy_seconds_total", exporter=EXPORTER.replace("1.500000001", "1500.000001"))
        self.refused("^fdinfo:drm-engine-npu ns is not there; .* ms is 1500", fdinfo=FDINFO.replace(" ns", " ms"))

    def test_what_the_table_has_must_be_there(self) -> None:
        line = 'accel_queue_depth{device="accel0",engine="npu"} 0\n'
        self.refused("^exporter:queue_depth{engine=npu} is not there$", exporter=EXPORTER.replace(line, ""))
        self.refused("smi:index: nobody shows it", smi=SMI.replace('"index": 0,', ""))

    def test_what_the_table_does_not_have_is_wrong(self) -> None:
        for changed, key in (
            ({"sysfs": f"{SYSFS}temperature 45"}, "sysfs:temperature"),
            ({"sysfs": f"{SYSFS}monitor/macs 256"}, "sysfs:monitor/macs"),
            ({"fdinfo": f"{FDINFO}drm-cycles-npu: 5"}, "fdinfo:drm-cycles-npu"),
            ({"hwmon": HWMON}, "hwmon:power{board}_input"),
            ({"smi": SMI.replace('"index"', '"speed": 1, "index"')}, "smi:speed"),
            ({"exporter": f'{EXPORTER}accel_fan_rpm{{device="accel0",sensor="fan"}} 9'}, "exporter:fan_rpm{sensor=fan}"),
        ):
            self.refused(f"{key} is .*: the table does not have it", **changed)

    def test_numbers_have_to_be_numbers(self) -> None:
        self.refused("^sysfs:macs is many$", sysfs=SYSFS.replace("256", "many"))

    def test_what_grows_may_be_anything_between(self) -> None:
        more = MODEL | {"state": "jobs=5 irqs=5"}
        less = MODEL | {"state": "jobs=2 irqs=2"}
        self.judge(before=less, after=more)
        with self.assertRaisesRegex(fields.Disagreement, "completed is 3, jobs is 5"):
            self.judge(before=more, after=more)


class Growing(unittest.TestCase):
    """What the model does not know, and goes on from exit to exit."""

    def test_it_does_not_go_back(self) -> None:
        keys = {"a": 1, "b": 1, "c": 1}
        for values, mistakes in (("123", 0), ("333", 0), ("132", 1), ("321", 2)):
            shown = dict(zip(keys, values))
            self.assertEqual(len(list(fields._compare("x", keys, None, True, shown))), mistakes, values)


if __name__ == "__main__":
    unittest.main()
