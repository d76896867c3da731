// SPDX-License-Identifier: GPL-2.0
/* accel_qda when its card misbehaves: each fault ends as documented, and work goes on. */
#include <sys/sendfile.h>

#include "coredump.h"
#include "qda_fixture.h"
#include "user_queue.h"

TEST_F_TIMEOUT(card, a_packet_that_hangs_costs_its_job, 120)
{
	struct accel_job_status status;
	__s64 first, second;

	/* No scrub is to be hit. */
	settled_region(self->fd, LOCAL);
	ASSERT_EQ(0, limit_jobs(self->index, 300));
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
	EXPECT_EQ(0, limit_jobs(self->index, 0));
}

TEST_F_TIMEOUT(card, waiting_for_ever_costs_its_job, 120)
{
	struct accel_job_status status;
	const char *dump, *packet;
	char word[24];

	ASSERT_TRUE(forget_dump(self->index));
	memset(self->host_bytes, 0, PAGE);
	EXPECT_EQ(-ETIME, run_packet(self->fd, self->queue, await(self->at_host, 1, 0), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	dump = dump_of(self->index);
	EXPECT_NE(NULL, strstr(dump, "\nengine copy0 queued 1 "));
	EXPECT_NE(NULL, strstr(dump, " hangs\n"));
	EXPECT_NE(NULL, strstr(dump, "\nfirmware state 5\n"));
	EXPECT_NE(NULL, strstr(dump, "\nqueue "));
	/* The packet, as it is: what it waits for is in its second word. */
	snprintf(word, sizeof(word), " %016llx", (unsigned long long)self->at_host);
	packet = strstr(dump, "\npacket ");
	ASSERT_NE(NULL, packet);
	EXPECT_NE(NULL, strstr(packet, word));
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

TEST_F_TIMEOUT(card, a_card_that_is_too_hot_is_wedged_until_it_has_cooled_down, 120)
{
	struct user_queue user;
	__s64 job;

	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 1, &user));
	memset(self->host_bytes, 0, PAGE);
	job = submit_packets(self->fd, self->queue,
			     (struct accel_qda_packet[]){ await(self->at_host, 1, 0) }, 1);
	ASSERT_LT(0, job);
	ASSERT_TRUE(qda_model(0, "thermal 0 105000"));
	EXPECT_EQ(-ENODATA, wait_in(self->fd, self->queue, job, FOREVER, NULL));
	EXPECT_EQ((__u32)EIO, failure_of(&user).error);
	EXPECT_TRUE(comes_to(self->fd, ACCEL_HEALTH_WEDGED));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_EQ(-EIO, reset_device(self->index));
	ASSERT_TRUE(qda_model(0, "thermal 0 off"));
	EXPECT_EQ(0, reset_device(self->index));
	EXPECT_TRUE(is_operational(self->fd));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	close_user_queue(&user);
}

TEST_F_TIMEOUT(card, firmware_that_crashes_is_brought_back, 120)
{
	__u32 before = restarts(self->fd);
	struct accel_info_device device;
	__u64 changes;
	int monitor;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	monitor = open_monitor(device.index);
	ASSERT_LE(0, monitor);
	changes = status_of(monitor).changes;
	ASSERT_TRUE(forget_dump(self->index));
	ASSERT_TRUE(qda_model(0, "firmware-crash"));
	/* Engines do not notice. */
	EXPECT_EQ(0, run_packet(self->fd, self->queue, fill(self->at_local, PAGE, 0), NULL));
	EXPECT_EQ(POLLPRI, poll_for(monitor, POLLPRI, 10000));
	EXPECT_TRUE(is_revived(self->fd, before));
	EXPECT_LE(changes + 1, status_of(monitor).changes);
	EXPECT_TRUE(comes_to(monitor, ACCEL_HEALTH_OPERATIONAL));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	/* What it left is in the dump: the letters "QDAC" and version 1 first. */
	EXPECT_NE(NULL, strstr(dump_of(self->index), "\nfirmware state 7\n"));
	EXPECT_NE(NULL, strstr(dump_of(self->index), "\ncrash 0x000 0000000143414451 "));
	EXPECT_NE(NULL, strstr(dump_of(self->index), "\ncrash 0x020 "));
	close(monitor);
}

TEST_F_TIMEOUT(card, without_firmware_contexts_end_but_none_begins, 120)
{
	__u32 before = restarts(self->fd), used = create_space(self->fd);
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
	__u32 before = restarts(self->fd);
	struct accel_address_space_create create = { .flags = 0 };

	ASSERT_TRUE(qda_model(0, "bad-reply"));
	EXPECT_EQ(-EAGAIN, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_CREATE, &create));
	EXPECT_TRUE(is_revived(self->fd, before));
	EXPECT_NE(0U, create_space(self->fd));
}

TEST_F_TIMEOUT(card, what_is_not_invalidated_stays_taken, 120)
{
	__u32 before = status_of(self->fd).epoch;

	ASSERT_TRUE(qda_model(0, "invalidation-hang on"));
	EXPECT_EQ(-EIO, unmap(self->fd, self->space, self->at_local, PAGE));
	/* No job starts with the space. */
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_TRUE(qda_model(0, "invalidation-hang off"));
	/* The invalidation that hangs ends with a reset of the card. */
	EXPECT_TRUE(is_reset(self->fd, before));
	EXPECT_EQ(0, unmap(self->fd, self->space, self->at_local, PAGE));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
}

TEST_F_TIMEOUT(card, what_clients_have_outlives_a_reset_of_the_card, 120)
{
	struct accel_info_status before = status_of(self->fd);
	struct accel_job_status status;
	__u32 space, queue;
	__s64 waiting;

	memset(self->host_bytes, 0, PAGE);
	ASSERT_EQ(0, run_packet(self->fd, self->queue,
				fill(self->at_local, SIZE, 0x5a5a5a5a), NULL));
	waiting = submit_packets(self->fd, self->queue, (struct accel_qda_packet[]){
				 await(self->at_host, 1, 0) }, 1);
	ASSERT_LT(0, waiting);
	for (int i = 1; i <= 2; i++) {
		EXPECT_EQ(0, reset_device(self->index));
		EXPECT_EQ(before.epoch + i, status_of(self->fd).epoch);
		EXPECT_TRUE(is_operational(self->fd));
	}
	EXPECT_EQ(-ENODATA, wait_in(self->fd, self->queue, waiting, FOREVER, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_RESET, status.fault);
	/* Memory, address space and queue. */
	EXPECT_TRUE(all_bytes(self->local_bytes, 0x5a, SIZE));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, move(self->at_local, self->at_host, SIZE),
				NULL));
	EXPECT_TRUE(all_bytes(self->host_bytes, 0x5a, SIZE));
	/* New ones, and what was there ends. */
	space = create_space(self->fd);
	queue = create_queue_in(self->fd, space);
	EXPECT_EQ(0, run_packet(self->fd, queue, nop(), NULL));
	EXPECT_EQ(0, destroy_queue(self->fd, queue));
	EXPECT_EQ(0, destroy_space(self->fd, space));
	EXPECT_EQ(0, unmap(self->fd, self->space, self->at_local, SIZE));
}

TEST_F_TIMEOUT(card, an_engine_that_a_reset_does_not_help_costs_one_of_the_card, 120)
{
	struct accel_info_status before = status_of(self->fd), after;

	settled_region(self->fd, LOCAL);
	ASSERT_TRUE(qda_model(0, "hang on") &&
		    qda_model(0, "reset-fails on"));
	ASSERT_LT(0, submit_packets(self->fd, self->queue,
				    (struct accel_qda_packet[]){ nop() }, 1));
	sleep_ms(200);
	ASSERT_TRUE(qda_model(0, "hang off"));
	EXPECT_EQ(-ETIME, wait_in(self->fd, self->queue, 1, FOREVER, NULL));
	ASSERT_TRUE(qda_model(0, "reset-fails off"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	after = status_of(self->fd);
	EXPECT_EQ(before.epoch + 1, after.epoch);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, after.health);
}

/* Nobody but whoever looks once a second finds that. */
TEST_F_TIMEOUT(card, an_engine_that_a_user_queue_costs_the_card_is_not_lost, 120)
{
	struct accel_info_status before = status_of(self->fd);
	struct user_queue guilty, innocent, next;
	int other = open_qda(0);

	settled_region(self->fd, LOCAL);
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &guilty));
	ASSERT_EQ(0, open_user_queue(other, create_space(other), 0, &innocent));
	ASSERT_TRUE(qda_model(0, "hang on") && qda_model(0, "reset-fails on"));
	write_packet(&guilty, nop());
	ring(&guilty);
	sleep_ms(200);
	ASSERT_TRUE(qda_model(0, "hang off"));
	/* It waits behind it for the engine. */
	write_packet(&innocent, nop());
	ring(&innocent);
	EXPECT_EQ((__u32)ETIME, failure_of(&guilty).error);
	EXPECT_EQ((__u32)ENODATA, failure_of(&innocent).error);
	ASSERT_TRUE(qda_model(0, "reset-fails off"));
	EXPECT_TRUE(is_reset(self->fd, before.epoch));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &next));
	EXPECT_EQ(0, execute(&next, nop()));
	EXPECT_EQ(before.epoch + 1, status_of(self->fd).epoch);
	EXPECT_TRUE(is_operational(self->fd));
	close_user_queue(&next);
	close_user_queue(&guilty);
	close_user_queue(&innocent);
	close(other);
}

TEST_F_TIMEOUT(card, a_card_that_no_reset_helps_is_wedged_until_that_of_the_bus, 120)
{
	struct accel_info_device device;
	char bus_reset[64];
	__s64 job;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	snprintf(bus_reset, sizeof(bus_reset), "/sys/bus/pci/devices/%.20s/reset", device.address);
	memset(self->host_bytes, 0, PAGE);
	job = submit_packets(self->fd, self->queue, (struct accel_qda_packet[]){
			     await(self->at_host, 1, 0) }, 1);
	ASSERT_LT(0, job);
	ASSERT_TRUE(qda_model(0, "device-reset-fails on"));
	EXPECT_EQ(-EIO, reset_device(self->index));
	EXPECT_EQ((__u32)ACCEL_HEALTH_WEDGED, status_of(self->fd).health);
	EXPECT_EQ(-ENODATA, wait_in(self->fd, self->queue, job, FOREVER, NULL));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_TRUE(qda_model(0, "device-reset-fails off"));
	/* As WEDGED= has said. */
	ASSERT_EQ(0, bind_qda(device.address, "unbind"));
	ASSERT_EQ(0, write_file(bus_reset, "1"));
	ASSERT_EQ(0, bind_qda(device.address, "bind"));
	EXPECT_TRUE(is_working(0));
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
		for (int card = 0; card < 2; card++)
			EXPECT_TRUE(is_working(card));
	}
}

#define FIRMWARE	"/lib/firmware/qda/firmware.bin"
#define GOOD_FIRMWARE	FIRMWARE ".good"

/* Writes firmware of which byte @at, from the end if that is negative, is another one. */
static bool write_bad_firmware(off_t at)
{
	int good = open(GOOD_FIRMWARE, O_RDONLY), bad = open(FIRMWARE, O_CREAT | O_WRONLY, 0600);
	off_t size = lseek(good, 0, SEEK_END), start = 0;
	unsigned char byte;
	bool is_written;

	at += at < 0 ? size : 0;
	is_written = sendfile(bad, good, &start, size) == size && pread(good, &byte, 1, at) == 1;
	byte = ~byte;
	is_written &= pwrite(bad, &byte, 1, at) == 1;
	close(good);
	close(bad);
	return is_written;
}

TEST_F_TIMEOUT(card, no_card_is_bound_without_its_firmware, 120)
{
	/* There is none; it is none; it is not what it was. */
	static const struct {
		bool is_there;
		off_t at;
		int error;
	} images[] = { { false, 0, -ENOENT }, { true, 0, -EINVAL }, { true, -1, -EIO } };
	struct accel_info_device device;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	ASSERT_EQ(0, bind_qda(device.address, "unbind"));
	ASSERT_EQ(0, rename(FIRMWARE, GOOD_FIRMWARE));
	for (unsigned int i = 0; i < ARRAY_SIZE(images); i++) {
		EXPECT_TRUE(!images[i].is_there || write_bad_firmware(images[i].at));
		EXPECT_EQ(images[i].error, bind_qda(device.address, "bind"));
		EXPECT_EQ(-ENOENT, qda_index(0));
	}
	ASSERT_EQ(0, rename(GOOD_FIRMWARE, FIRMWARE));
	ASSERT_EQ(0, bind_qda(device.address, "bind"));
	EXPECT_TRUE(is_working(0));
}

/* Waits until a link was lost more than @before times; what it is told to be then. */
static struct accel_info_link lost_link(int fd, unsigned int number, __u64 before)
{
	__s64 end = now_ns() + SLACK_NS;
	struct accel_info_link link;

	do {
		link = qda_link(fd, number);
	} while (link.losses == before && now_ns() < end);
	return link;
}

TEST(a_lost_link_is_told_by_both_sides_and_comes_back)
{
	int fds[2] = { open_qda(0), open_qda(1) };
	struct accel_info_link before[2], others[2], link;

	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(becomes_up(fds[i], 0));
		before[i] = qda_link(fds[i], 0);
		others[i] = qda_link(fds[i], 1);
	}
	ASSERT_TRUE(qda_model(0, "link-loss 0"));
	for (int i = 0; i < 2; i++) {
		link = lost_link(fds[i], 0, before[i].losses);
		EXPECT_EQ(before[i].losses + 1, link.losses);
		if (link.state != ACCEL_LINK_UP) {
			EXPECT_EQ(0U, link.flags);
			EXPECT_EQ(0U, link.peer_link);
			EXPECT_TRUE(all_bytes(link.peer_uuid, 0, sizeof(link.peer_uuid)));
			EXPECT_EQ(0ULL, link.speed);
			EXPECT_EQ(0U, link.lanes);
		}
		EXPECT_TRUE(becomes_up(fds[i], 0));
		link = qda_link(fds[i], 0);
		EXPECT_EQ(before[i].speed, link.speed);
		EXPECT_EQ(0, memcmp(before[i].peer_uuid, link.peer_uuid,
				    sizeof(link.peer_uuid)));
		EXPECT_LE(before[i].sent, link.sent);
		EXPECT_EQ(others[i].losses, qda_link(fds[i], 1).losses);
	}
	close(fds[0]);
	close(fds[1]);
}

TEST(damaged_frames_are_counted_on_both_sides)
{
	int fds[2] = { open_qda(0), open_qda(1) };
	__s64 end = now_ns() + SLACK_NS;
	__u64 replays, errors;

	ASSERT_TRUE(becomes_up(fds[0], 1));
	replays = qda_link(fds[0], 1).replays + 3;
	errors = qda_link(fds[1], 1).errors + 3;
	ASSERT_TRUE(qda_model(0, "link-errors 1 3"));
	/* No link is quiet for long. */
	while (qda_link(fds[1], 1).errors < errors && now_ns() < end)
		sleep_ms(5);
	EXPECT_EQ(errors, qda_link(fds[1], 1).errors);
	EXPECT_EQ(replays, qda_link(fds[0], 1).replays);
	EXPECT_EQ((__u32)ACCEL_LINK_UP, qda_link(fds[0], 1).state);
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
