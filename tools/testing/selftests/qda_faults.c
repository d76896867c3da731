// SPDX-License-Identifier: GPL-2.0
/* accel_qda when its card misbehaves: each fault ends as documented, and work goes on. */
#include "qda_fixture.h"

static bool is_operational(int fd)
{
	return status_of(fd).health == ACCEL_HEALTH_OPERATIONAL;
}

TEST_F_TIMEOUT(card, a_packet_that_hangs_costs_its_job, 120)
{
	struct accel_job_status status;
	__s64 first, second;

	/* No scrub is to be hit. */
	settled_region(self->fd, LOCAL);
	ASSERT_TRUE(qda_model(0, "hang on"));
	first = submit_packets(self->fd, self->queue, (struct accel_qda_packet[]){ nop() }, 1);
	second = submit_packets(self->fd, self->queue, (struct accel_qda_packet[]){ nop() }, 1);
	ASSERT_LT(0, first);
	ASSERT_LT(0, second);
	/* The packet is taken up at once; what comes later shall not hang. */
	sleep_ms(200);
	ASSERT_TRUE(qda_model(0, "hang off"));
	EXPECT_EQ(-ETIME, wait_in(self->fd, self->queue, first, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_EQ(0, wait_in(self->fd, self->queue, second, FOREVER, NULL));
	EXPECT_TRUE(is_operational(self->fd));
}

TEST_F_TIMEOUT(card, waiting_for_ever_costs_its_job, 120)
{
	struct accel_job_status status;

	memset(self->host_bytes, 0, PAGE);
	EXPECT_EQ(-ETIME, run_packet(self->fd, self->queue, await(self->at_host, 1, 0), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
}

TEST_F_TIMEOUT(card, a_lost_interrupt_costs_time, 120)
{
	ASSERT_TRUE(qda_model(0, "drop-irq 1"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
}

TEST_F(card, interrupts_without_a_cause_do_nothing)
{
	for (int vector = 0; vector < 8; vector++) {
		char command[32];

		snprintf(command, sizeof(command), "spurious-irq %d", vector);
		ASSERT_TRUE(qda_model(0, command));
	}
	ASSERT_TRUE(qda_model(0, "double-irq 1"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
}

TEST_F(card, a_bad_record_does_not_matter)
{
	ASSERT_TRUE(qda_model(0, "bad-record 1"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
}

TEST_F(card, a_bad_event_is_counted)
{
	long bad = qda_number(self->index, " bad ");
	struct accel_job_status status;

	/* The first line with it is that of the faults. */
	ASSERT_TRUE(qda_model(0, "bad-event 1"));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, move(1ULL << 40, self->at_host, 8),
				   &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
	EXPECT_EQ(bad + 1, qda_number(self->index, " bad "));
}

TEST_F(card, an_error_in_an_idle_engine_harms_nobody)
{
	ASSERT_TRUE(qda_model(0, "uncorrected 3"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_TRUE(is_operational(self->fd));
}

TEST_F_TIMEOUT(card, firmware_that_crashes_is_brought_back, 120)
{
	__u32 before = qda_info(self->fd).firmware_losses;
	struct accel_info_device device;
	__u64 changes;
	int monitor;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	monitor = open_monitor(device.index);
	ASSERT_LE(0, monitor);
	changes = status_of(monitor).changes;
	ASSERT_TRUE(qda_model(0, "firmware-crash"));
	/* Engines do not notice. */
	EXPECT_EQ(0, run_packet(self->fd, self->queue, fill(self->at_local, PAGE, 0), NULL));
	EXPECT_EQ(POLLPRI, poll_for(monitor, POLLPRI, 10000));
	EXPECT_TRUE(is_revived(self->fd, before));
	EXPECT_LE(changes + 1, status_of(monitor).changes);
	for (__s64 end = in_ms(5000); !is_operational(monitor) && now_ns() < end; sleep_ms(5))
		;
	EXPECT_TRUE(is_operational(monitor));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	close(monitor);
}

TEST_F_TIMEOUT(card, without_firmware_contexts_end_but_none_begins, 120)
{
	__u32 before = qda_info(self->fd).firmware_losses, used = create_space(self->fd);
	struct accel_address_space_create create = { .flags = 0 };
	__s64 queue = create_queue_in(self->fd, used);

	ASSERT_NE(0U, used);
	ASSERT_LT(0, queue);
	ASSERT_EQ(0, run_packet(self->fd, queue, nop(), NULL));
	ASSERT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_TRUE(qda_model(0, "firmware-silence"));
	/* It is asked in vain once, then not any more. */
	EXPECT_EQ(-EAGAIN, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &create));
	EXPECT_EQ(-EAGAIN, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &create));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, fill(self->at_local, PAGE, 0), NULL));
	EXPECT_EQ(0, destroy_queue(self->fd, queue));
	EXPECT_EQ(0, destroy_space(self->fd, used));
	EXPECT_TRUE(is_revived(self->fd, before));
	/* What ended meanwhile has ended on the card, too: all numbers are free. */
	for (int i = 0; i < 200; i++) {
		__u32 space = create_space(self->fd);
		__u32 queue = create_queue_in(self->fd, space);

		ASSERT_NE(0U, space);
		ASSERT_EQ(0, run_packet(self->fd, queue, nop(), NULL));
		ASSERT_EQ(0, destroy_queue(self->fd, queue));
		ASSERT_EQ(0, destroy_space(self->fd, space));
	}
}

TEST_F_TIMEOUT(card, a_wrong_answer_is_as_none, 120)
{
	__u32 before = qda_info(self->fd).firmware_losses;
	struct accel_address_space_create create = { .flags = 0 };

	ASSERT_TRUE(qda_model(0, "bad-reply"));
	EXPECT_EQ(-EAGAIN, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &create));
	EXPECT_TRUE(is_revived(self->fd, before));
	EXPECT_NE(0U, create_space(self->fd));
}

static int bind_qda(const char *address, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/" QDA_DRIVER "/%s", file);
	return write_file(path, address);
}

TEST_F_TIMEOUT(card, what_is_not_invalidated_stays_taken, 120)
{
	struct accel_info_device device;
	__u32 space;
	int fd;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	ASSERT_TRUE(qda_model(0, "invalidation-hang on"));
	EXPECT_EQ(-EIO, unmap(self->fd, self->space, self->at_local, PAGE));
	/* No job starts with the space. */
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_TRUE(qda_model(0, "invalidation-hang off"));
	/* The invalidation that hangs ends with a device reset. */
	ASSERT_EQ(0, bind_qda(device.address, "unbind"));
	ASSERT_EQ(0, bind_qda(device.address, "bind"));
	fd = open_qda(0);
	ASSERT_LE(0, fd);
	space = create_space(fd);
	ASSERT_NE(0U, space);
	EXPECT_EQ(0, map_zeroes(fd, space, PAGE, 1ULL << 30));
	EXPECT_EQ(0, unmap(fd, space, 1ULL << 30, PAGE));
	close(fd);
}

TEST_F_TIMEOUT(card, it_can_be_unbound_and_bound_again, 120)
{
	struct accel_address_space_create create = { .flags = 0 };
	struct accel_info_device device;
	__s64 job;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	for (int i = 0; i < 3; i++) {
		memset(self->host_bytes, 0, PAGE);
		job = i ? 0 : submit_packets(self->fd, self->queue, (struct accel_qda_packet[]){
					     await(self->at_host, 1, 0) }, 1);
		ASSERT_EQ(0, bind_qda(device.address, "unbind"));
		if (job)
			EXPECT_EQ(-ENODEV, wait_in(self->fd, self->queue, job, FOREVER, NULL));
		EXPECT_EQ(-ENODEV, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &create));
		memset(self->local_bytes, 1, SIZE);
		ASSERT_EQ(0, bind_qda(device.address, "bind"));
		ASSERT_LE(0, qda_index(1));
		for (int card = 0; card < 2; card++) {
			int fd = open_qda(card);

			ASSERT_LE(0, fd);
			EXPECT_EQ(0, run_packet(fd, create_queue_in(fd, create_space(fd)),
						nop(), NULL));
			close(fd);
		}
	}
}

TEST_HARNESS_MAIN
