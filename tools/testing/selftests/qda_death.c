// SPDX-License-Identifier: GPL-2.0
/* accel_qda when the cards die and stay in their slots: their model is killed. Run it last. */
#include "fabric.h"
#include "qda_fixture.h"

TEST_F_TIMEOUT(card, a_card_that_vanishes_ends_an_all_reduce, 120)
{
	struct ring ring;
	int code;

	ASSERT_TRUE(can_reduce());
	ASSERT_TRUE(start_ring(&ring));
	ASSERT_TRUE(qda_model(1, "surprise-remove"));
	/* The other side loses its link at once. */
	EXPECT_EQ(EIO, exit_code(ring.children[0]));
	EXPECT_TRUE(is_working(0));
	ASSERT_TRUE(host("unplug qda1"));
	/* It may have been found dead before the slot says that it is empty. */
	code = exit_code(ring.children[1]);
	EXPECT_TRUE(code == ENODEV || code == ENODATA)
		TH_LOG("errno of the card that is gone: %d", code);
	EXPECT_EQ(-ENOENT, qda_index(1));
	EXPECT_TRUE(is_working(0));
}

TEST_F_TIMEOUT(card, a_dead_card_is_wedged, 120)
{
	struct accel_address_space_create create = { .flags = 0 };
	struct accel_qda_packet packet;
	struct accel_job_status status;
	__s64 job;

	memset(self->host_bytes, 0, PAGE);
	packet = await(self->at_host, 1, 0);
	job = submit_packets(self->fd, self->queue, &packet, 1);
	ASSERT_LT(0, job);
	ASSERT_TRUE(host("kill qda0"));
	EXPECT_EQ(-ETIME, wait_in(self->fd, self->queue, job, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	for (__s64 end = in_ms(30000); now_ns() < end; sleep_ms(50))
		if (status_of(self->fd).health == ACCEL_HEALTH_WEDGED)
			break;
	EXPECT_EQ((__u32)ACCEL_HEALTH_WEDGED, status_of(self->fd).health);
	EXPECT_EQ(-EIO, submit_packets(self->fd, self->queue, &packet, 1));
	EXPECT_GT(0, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &create));
	memset(self->host_bytes, 1, PAGE);
	EXPECT_TRUE(all_bytes(self->host_bytes, 1, PAGE));
}

TEST_HARNESS_MAIN
