# SPDX-License-Identifier: GPL-2.0
"""Loading: KUnit runs, rust/ first, then accel_core/; a driver built against other sources is refused."""

from vm.scenario import Scenario

SCENARIO = Scenario(
    modules=("accel-core", "accel_fake", "accel_mock", "accel_ethosu"),
    parameters="kunit.enable=1 kunit.autorun=1",
    tests=63,
    guest="""
load
unload accel_ethosu accel_mock accel_fake
echo "KTAP version 1"
echo "1..1"
sed 's/accel_abi_................/accel_abi_0123456789abcdef/' /modules/accel_mock.ko >/tmp/stale.ko
if insmod /tmp/stale.ko; then echo "not ok 1 a_stale_driver_is_refused"; else echo "ok 1 a_stale_driver_is_refused"; fi
unload accel_core
""",
)
