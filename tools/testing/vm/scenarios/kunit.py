# SPDX-License-Identifier: GPL-2.0
"""KUnit, which runs when a module is loaded: rust/, then accel_core/, then the drivers."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_mock", "accel_ethosu"),
    parameters="kunit.enable=1 kunit.autorun=1",
    tests=8,
    guest="""
load
unload accel_ethosu accel_mock accel_fake accel_core
""",
)
