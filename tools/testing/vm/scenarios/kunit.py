# SPDX-License-Identifier: GPL-2.0
"""KUnit in the modules, rust/ first, then accel_core/: `builtin` runs the same tests as a part of the kernel."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_mock", "accel_ethosu"),
    parameters="kunit.enable=1 kunit.autorun=1",
    tests=63,
    long=True,
    guest="""
load
unload accel_ethosu accel_mock accel_fake
unload accel_core
""",
)
