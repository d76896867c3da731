# SPDX-License-Identifier: GPL-2.0
"""The dashboard, judged by Grafana's own description of dashboards: what Grafana does not know it would not show."""

import json
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog import encoder, plugins, runtime
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

DASHBOARD = json.loads((Path(__file__).parent / "accel.json").read_text(encoding="utf-8"))
UNITS = {value.__args__[0] for value in vars(units).get("__annotations__", {}).values()}


def understood(dashboard: Any) -> Any:
    """What Grafana's types keep of a dashboard."""
    return json.loads(encoder.JSONEncoder().encode(Dashboard.from_json(dashboard)))


def lost(all_of_it: Any, kept: Any, path: str = "$") -> Iterator[str]:
    """Where something is not kept as it was."""
    if isinstance(all_of_it, dict) and isinstance(kept, dict):
        for key, value in all_of_it.items():
            yield from lost(value, kept.get(key), f"{path}.{key}")
    elif isinstance(all_of_it, list) and isinstance(kept, list) and len(all_of_it) == len(kept):
        for number, pair in enumerate(zip(all_of_it, kept)):
            yield from lost(*pair, f"{path}[{number}]")
    elif all_of_it != kept:
        yield f"{path}: {all_of_it}"


class Judged(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        plugins.register_default_plugins()

    def test_everything_in_it_is_understood(self) -> None:
        self.assertEqual(list(lost(DASHBOARD, understood(DASHBOARD))), [])

    def test_what_is_not_understood_is_found(self) -> None:
        for path, change in (
            ("$.panels[7].titel", {"titel": "x"}),
            ("$.panels[7].fieldConfig.defaults.unti", {"fieldConfig": {"defaults": {"unti": "watt"}, "overrides": []}}),
            ("$.panels[7].options.legends", {"options": {"legends": 1}}),
        ):
            panels = list(DASHBOARD["panels"])
            panels[7] = panels[7] | change
            changed = DASHBOARD | {"panels": panels}
            self.assertIn(path, [mistake.split(":")[0] for mistake in lost(changed, understood(changed))])

    def test_there_are_such_panels_and_units(self) -> None:
        self.assertIn("celsius", UNITS)
        self.assertGreater(len(DASHBOARD["panels"]), 10)
        for panel in DASHBOARD["panels"]:
            self.assertIsNotNone(runtime.panelcfg_config(panel["type"]), panel["type"])
            unit = panel["fieldConfig"]["defaults"].get("unit", "none")
            self.assertIn(unit, UNITS, panel["title"])


if __name__ == "__main__":
    unittest.main()
