// SPDX-License-Identifier: GPL-2.0
/* accel_ethosu when the NPU dies and stays in its slot: npu0's model is killed. Run it last. */
#include "ethosu_fixture.h"

TEST_F_TIMEOUT(npu, a_dead_npu_wedges_the_device, 120)
{
	struct accel_job_status status;
	struct ethosu_job first, second;
	struct accel_info_device device;
	int monitor;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	monitor = open_monitor(device.index);
	ASSERT_LE(0, monitor);
	status_of(monitor);
	ASSERT_TRUE(model("hang on"));
	stop_only(&first);
	stop_only(&second);
	ASSERT_EQ(0, submit_ethosu(self->fd, &first));
	ASSERT_EQ(0, submit_ethosu(self->fd, &second));
	ASSERT_TRUE(host("kill npu0"));

	EXPECT_EQ(-ETIME, wait_until(self->fd, first.entry.job, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_EQ(-ENODATA, wait_until(self->fd, second.entry.job, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_RESET, status.fault);
	EXPECT_EQ(POLLPRI, poll_for(monitor, POLLPRI, 10000));
	EXPECT_EQ((__u32)ACCEL_HEALTH_WEDGED, status_of(monitor).health);
	stop_only(&first);
	EXPECT_EQ(-EIO, submit_ethosu(self->fd, &first));
	memset(self->source, 1, PAGE);
	EXPECT_TRUE(all_bytes(self->source, 1, PAGE));
	close(monitor);
}

TEST_HARNESS_MAIN
