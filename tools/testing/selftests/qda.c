// SPDX-License-Identifier: GPL-2.0
/* accel_qda: two cards, their memory, address spaces, copy jobs, refusals. */
#include "qda_fixture.h"

#define MIB		0x100000UL
#define CARD_MEMORY	(64 * MIB)	/* tools/testing/vm/models.py */
#define CARD_VISIBLE	(16 * MIB)
#define HIDDEN		(8 * MIB)
#define ELSEWHERE	0x10000000000ULL	/* nothing is there */
#define QUEUES		256
#define QUEUES_AT_REST	1		/* of the driver itself */

/* A byte that says where it is. */
static unsigned char pattern(size_t at)
{
	return at * 31 + (at >> 8) * 7 + 1;
}

static void write_pattern(unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(i);
}

TEST(there_are_two_cards)
{
	struct accel_info_qda cards[2];
	struct accel_info_engine engines[5];
	struct accel_info_firmware firmware;
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = open_qda(i);
		ASSERT_LE(0, fds[i]);
		cards[i] = qda_info(fds[i]);
		EXPECT_EQ(0x00010000U, cards[i].revision);
		EXPECT_EQ(0, info(fds[i], ACCEL_INFO_FIRMWARE, &firmware, sizeof(firmware)));
		EXPECT_STREQ("1.0.0", firmware.version);
		EXPECT_EQ(1U, cards[i].firmware_api >> 16);
		EXPECT_EQ((__u32)QUEUES, cards[i].queues);
		EXPECT_EQ((__u32)MOST_PACKETS, cards[i].job_packets);
		EXPECT_EQ(0, info(fds[i], ACCEL_INFO_ENGINES, engines, sizeof(engines)));
		EXPECT_STREQ("copy0", engines[0].name);
		EXPECT_EQ((__u32)ACCEL_ENGINE_COLLECTIVE, engines[4].kind);
	}
	EXPECT_EQ(-ENOENT, qda_index(2));
	close(fds[0]);
	close(fds[1]);
}

TEST(links_lead_to_the_other_card)
{
	int fds[2] = { open_qda(0), open_qda(1) };
	struct accel_info_device devices[2];

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, info(fds[i], ACCEL_INFO_DEVICE, &devices[i], sizeof(devices[i])));
	for (int i = 0; i < 2; i++) {
		ASSERT_LT(0U, link_count(fds[i]));
		for (__u32 number = 0; number < link_count(fds[i]); number++) {
			struct accel_info_link link;

			ASSERT_TRUE(becomes_up(fds[i], number));
			link = qda_link(fds[i], number);
			EXPECT_EQ((__u32)ACCEL_LINK_PEER, link.flags);
			EXPECT_EQ(0, memcmp(devices[1 - i].uuid, link.peer_uuid,
					    sizeof(link.peer_uuid)));
			EXPECT_EQ(number, link.peer_link);
			EXPECT_LT(0ULL, link.speed);
			EXPECT_LT(0U, link.lanes);
		}
	}
	close(fds[0]);
	close(fds[1]);
}

/* A node that is not known is not node 0. */
TEST(it_says_where_it_is_and_what_it_can_do)
{
	int fd = open_qda(0), expected = -1;
	struct accel_info_device device;
	char path[128], text[16];

	ASSERT_EQ(0, info(fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", device.address);
	if (!read_file(path, text, sizeof(text)))
		expected = strtol(text, NULL, 10);
	EXPECT_EQ(expected, device.numa_node);
	/* It can do all that there is. */
	EXPECT_EQ((__u32)(ACCEL_DEVICE_ADDRESS_SPACES | ACCEL_DEVICE_USER_QUEUES |
			  ACCEL_DEVICE_PREPARED_JOBS | ACCEL_DEVICE_SLEEPS), device.flags);
	close(fd);
}

TEST(its_memory_is_a_region)
{
	int fd = open_qda(0);
	struct accel_info_memory local = region_of(fd, LOCAL);

	EXPECT_STREQ("local", local.name);
	EXPECT_EQ(CARD_MEMORY - 2 * MIB, local.size);
	EXPECT_EQ(CARD_VISIBLE, local.visible);
	close(fd);
}

TEST_F(card, copies_are_right_to_the_byte)
{
	static const struct {
		size_t from, to, size;
	} cases[] = {
		{ 0, 0, 1 }, { 1, 2, 3 }, { 4095, 8191, 2 }, { 63, 1, 4097 }, { 0, 0, SIZE },
		{ 12345, 54321, 100001 }, { 5, 0, SIZE - 5 },
	};

	write_pattern(self->host_bytes, SIZE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t from = cases[i].from, to = cases[i].to, size = cases[i].size;
		struct accel_qda_packet there = move(self->at_host + from, self->at_local + to,
						     size);

		memset(self->local_bytes, UNTOUCHED, SIZE);
		ASSERT_EQ(0, run_packet(self->fd, self->queue, there, NULL));
		EXPECT_TRUE(all_bytes(self->local_bytes, UNTOUCHED, to));
		EXPECT_EQ(0, memcmp(self->local_bytes + to, self->host_bytes + from, size))
			TH_LOG("case %zu", i);
		EXPECT_TRUE(all_bytes(self->local_bytes + to + size, UNTOUCHED,
				      SIZE - to - size));
	}
}

TEST_F(card, packets_of_a_job_follow_each_other)
{
	struct accel_qda_packet packets[MOST_PACKETS];
	size_t step = 1000;

	write_pattern(self->host_bytes, step);
	packets[0] = move(self->at_host, self->at_local, step);
	for (size_t i = 1; i < MOST_PACKETS; i++)
		packets[i] = move(self->at_local + (i - 1) * step, self->at_local + i * step,
				  step);
	/* More than once around the ring. */
	for (size_t i = 0; i < 3; i++) {
		memset(self->local_bytes, 0, SIZE);
		ASSERT_EQ(0, run_packets(self->fd, self->queue, packets, MOST_PACKETS - i, NULL));
		for (size_t at = 0; at < MOST_PACKETS - i; at++)
			ASSERT_EQ(0, memcmp(self->local_bytes + at * step, self->host_bytes, step));
	}
}

TEST_F(card, rows_have_strides)
{
	struct accel_qda_packet packet = move(self->at_host, self->at_local, 100);

	write_pattern(self->host_bytes, SIZE);
	memset(self->local_bytes, UNTOUCHED, SIZE);
	packet.rows = 50;
	packet.stride_a = 300;
	packet.stride_d = 128;
	ASSERT_EQ(0, run_packet(self->fd, self->queue, packet, NULL));
	for (size_t row = 0; row < 50; row++) {
		EXPECT_EQ(0, memcmp(self->local_bytes + row * 128, self->host_bytes + row * 300,
				    100));
		EXPECT_TRUE(all_bytes(self->local_bytes + row * 128 + 100, UNTOUCHED, 28));
	}
}

TEST_F(card, pages_of_all_sizes_translate)
{
	struct accel_qda_packet packets[2];
	struct accel_buffer_create large;
	struct accel_job_status status;
	size_t size = 4 * MIB + PAGE_64K + PAGE;
	unsigned char *bytes;
	__u64 at;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, size, ACCEL_CREATE_VISIBLE, &large));
	bytes = map(self->fd, &large);
	ASSERT_NE(MAP_FAILED, (void *)bytes);
	at = map_anywhere(self->fd, self->space, large.handle, 0, size, READ_WRITE);
	ASSERT_NE(0ULL, at);
	write_pattern(bytes, size);
	for (size_t page = 0; page < size; page += PAGE) {
		packets[0] = move(at + page + 7, self->at_host + 3, PAGE - 7);
		ASSERT_EQ(0, run_packets(self->fd, self->queue, packets, 1, NULL));
		ASSERT_EQ(0, memcmp(self->host_bytes + 3, bytes + page + 7, PAGE - 7))
			TH_LOG("page %zu", page / PAGE);
		/* Pages of 2 MiB, then those of 64 KiB, then one. */
		if (page + PAGE < 4 * MIB)
			page += 31 * PAGE;
	}
	/* Holes in them: what is around is translated as before. */
	for (size_t hole = MIB; hole < size; hole = hole < 4 * MIB ? 4 * MIB + 5 * PAGE : size) {
		ASSERT_EQ(0, unmap(self->fd, self->space, at + hole, PAGE));
		packets[0] = move(at + hole - PAGE, self->at_host, PAGE);
		packets[1] = move(at + hole + PAGE, self->at_host + PAGE, PAGE);
		ASSERT_EQ(0, run_packets(self->fd, self->queue, packets, 2, NULL));
		EXPECT_EQ(0, memcmp(self->host_bytes, bytes + hole - PAGE, PAGE));
		EXPECT_EQ(0, memcmp(self->host_bytes + PAGE, bytes + hole + PAGE, PAGE));
		packets[0] = move(at + hole - 1, self->at_host, 2);
		EXPECT_EQ(-EIO, run_packets(self->fd, self->queue, packets, 1, &status));
		EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
		EXPECT_EQ(at + hole, status.fault_address);
	}
	munmap(bytes, size);
}

TEST_F(card, wrong_addresses_are_page_faults)
{
	struct accel_qda_packet good = move(self->at_local, self->at_host, PAGE);
	struct accel_job_status status;

	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue,
				   move(ELSEWHERE + 123, self->at_host, 8), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
	EXPECT_EQ(ELSEWHERE, status.fault_address);
	EXPECT_EQ((__u32)EIO, status.error);
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue,
				   move(self->at_local, ELSEWHERE, 8), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
	EXPECT_EQ(ELSEWHERE, status.fault_address);
	/* Not even an address. */
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue,
				   move(1ULL << 62, self->at_host, 8), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
	EXPECT_EQ(1ULL << 62, status.fault_address);
	/* The queue goes on behind the job that failed. */
	EXPECT_EQ(0, run_packet(self->fd, self->queue, good, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_NONE, status.fault);
}

TEST_F(card, the_rest_of_a_job_that_fails_is_not_done)
{
	struct accel_qda_packet packets[] = {
		fill(self->at_local, PAGE, 0x11111111),
		move(ELSEWHERE, self->at_local, 8),
		fill(self->at_local + PAGE, PAGE, 0x22222222),
	};

	memset(self->local_bytes, 0, 2 * PAGE);
	EXPECT_EQ(-EIO, run_packets(self->fd, self->queue, packets, 3, NULL));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_TRUE(all_bytes(self->local_bytes, 0x11, PAGE));
	EXPECT_TRUE(all_bytes(self->local_bytes + PAGE, 0, PAGE));
}

TEST_F(card, rights_are_those_of_the_mapping)
{
	struct accel_job_status status;

	ASSERT_EQ(0, protect(self->fd, self->space, self->at_local, SIZE, ACCEL_MAP_READ));
	EXPECT_EQ(0, run_packet(self->fd, self->queue,
				move(self->at_local, self->at_host, PAGE), NULL));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue,
				   move(self->at_host, self->at_local + PAGE, 8), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
	EXPECT_EQ(self->at_local + PAGE, status.fault_address);
	ASSERT_EQ(0, unmap(self->fd, self->space, self->at_local, SIZE));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue,
				   move(self->at_local, self->at_host, 8), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
}

TEST_F(card, sparse_ranges_are_zeroes)
{
	__u64 sparse = 1ULL << 41;

	ASSERT_EQ(0, map_zeroes(self->fd, self->space, 4 * MIB, sparse));
	memset(self->host_bytes, UNTOUCHED, SIZE);
	EXPECT_EQ(0, run_packet(self->fd, self->queue,
				move(self->at_host, sparse + 3 * MIB, PAGE), NULL));
	EXPECT_EQ(0, run_packet(self->fd, self->queue,
				move(sparse + 3 * MIB, self->at_host, PAGE), NULL));
	EXPECT_TRUE(all_bytes(self->host_bytes, 0, PAGE));
	EXPECT_TRUE(all_bytes(self->host_bytes + PAGE, UNTOUCHED, SIZE - PAGE));
}

TEST_F(card, a_client_sees_nothing_of_another)
{
	struct accel_job_status status;
	int other = open_qda(0);
	__u32 space = create_space(other), queue = create_queue_in(other, space);
	struct accel_buffer_create host;
	unsigned char *bytes = create_mapped(other, PAGE, &host);

	ASSERT_NE(0U, space);
	ASSERT_LT(0, (__s32)queue);
	ASSERT_NE(MAP_FAILED, (void *)bytes);
	/* At the same address, each has its own. */
	ASSERT_EQ(0, map_fixed(other, space, host.handle, 0, PAGE, self->at_local, READ_WRITE));
	memset(self->local_bytes, 1, PAGE);
	EXPECT_EQ(0, run_packet(other, queue, fill(self->at_local, PAGE, 0x02020202), NULL));
	EXPECT_TRUE(all_bytes(self->local_bytes, 1, PAGE));
	EXPECT_TRUE(all_bytes(bytes, 2, PAGE));
	EXPECT_EQ(-EIO, run_packet(other, queue, fill(self->at_host, PAGE, 0), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
	munmap(bytes, PAGE);
	close(other);
}

TEST_F(card, packets_that_make_no_sense_are_command_faults)
{
	struct accel_qda_packet packets[] = {
		{ .opcode = 0 },
		{ .opcode = ACCEL_QDA_GEMM },
		{ .opcode = ACCEL_QDA_NOP, .extra = 1 },
		{ .opcode = ACCEL_QDA_NOP, .reserved = 1 },
		fill(self->at_local + 1, 4, 0),
		move(self->at_local, self->at_host, 0),
		move(self->at_local, self->at_host, qda_info(self->fd).limit_bytes + 1),
	};
	struct accel_job_status status;

	for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++) {
		EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, packets[i], &status));
		EXPECT_EQ((__u32)ACCEL_FAULT_COMMAND, status.fault)
			TH_LOG("packet %zu", i);
		EXPECT_EQ(0ULL, status.fault_address);
	}
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
}

TEST_F(card, payloads_are_checked)
{
	struct accel_qda_packet packets[MOST_PACKETS + 1];
	struct accel_submit submit;
	__u32 one = sizeof(packets[0]);
	__s64 number;

	for (int i = 0; i <= MOST_PACKETS; i++)
		packets[i] = nop();
	for (__u32 size = 0; size < one; size += 7) {
		EXPECT_EQ(-EINVAL, submit_payload(self->fd, self->queue, packets, size, &submit));
		EXPECT_EQ((__u32)ACCEL_QDA_REFUSED_SIZE, submit.refused_reason);
		EXPECT_EQ(size, submit.refused_at);
	}
	EXPECT_EQ(-EINVAL, submit_payload(self->fd, self->queue, packets, one + 8, &submit));
	EXPECT_EQ(-E2BIG, submit_payload(self->fd, self->queue, packets, sizeof(packets), &submit));
	number = submit_payload(self->fd, self->queue, packets, MOST_PACKETS * one, &submit);
	EXPECT_LT(0LL, number);
	EXPECT_EQ(0, wait_in(self->fd, self->queue, number, FOREVER, NULL));
	packets[2].flags = ACCEL_QDA_PACKET_INTERRUPT;
	EXPECT_EQ(-EINVAL, submit_payload(self->fd, self->queue, packets, 3 * one, &submit));
	EXPECT_EQ((__u32)ACCEL_QDA_REFUSED_FLAGS, submit.refused_reason);
	EXPECT_EQ(2U, submit.refused_at);
	/* Queue 0 works nowhere. */
	EXPECT_EQ(-EINVAL, submit_payload(self->fd, 0, packets, one, &submit));
	EXPECT_EQ((__u32)ACCEL_QDA_REFUSED_SPACE, submit.refused_reason);
}

TEST_F(card, engines_work_side_by_side)
{
	struct accel_context_create context = { .address_space = self->space };
	struct accel_queue_create queue = { .engine = 2 };
	struct accel_qda_packet gemm = { .opcode = ACCEL_QDA_GEMM };
	struct accel_job_status status;

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_CONTEXT_CREATE, &context));
	queue.context = context.handle;
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	/* A copy engine would not know this packet, a tensor engine wants its fields. */
	EXPECT_EQ(-EIO, run_packet(self->fd, queue.handle, gemm, &status));
	EXPECT_TRUE(status.engine == 2 || status.engine == 3);
	EXPECT_EQ(0, run_packet(self->fd, queue.handle, nop(), &status));
	EXPECT_TRUE(status.engine == 2 || status.engine == 3);
	queue.engine = 4;
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_QUEUE_CREATE, &queue));
	EXPECT_EQ(0, run_packet(self->fd, queue.handle, nop(), &status));
	EXPECT_EQ(4U, status.engine);
}

TEST_F(card, packets_wait_for_each_other)
{
	__u64 *value = (__u64 *)self->host_bytes;
	struct accel_qda_packet waits = await(self->at_host, 5, 0);
	struct accel_job_status status;
	__s64 job;

	*value = 0;
	job = submit_packets(self->fd, self->queue, &waits, 1);
	ASSERT_LT(0, job);
	EXPECT_EQ(-ETIMEDOUT, wait_in(self->fd, self->queue, job, in_ms(50), NULL));
	__atomic_store_n(value, 5, __ATOMIC_RELEASE);
	EXPECT_EQ(0, wait_in(self->fd, self->queue, job, FOREVER, NULL));
	/* A time-out of its own, 1 ms. */
	EXPECT_EQ(-ETIME, run_packet(self->fd, self->queue, await(self->at_host, 6, 1000),
				     &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
}

/* Whether @size bytes of hidden memory at @at are zero, seen by way of the host's buffer. */
static bool is_hidden_zero(int fd, __u32 queue, __u64 at, size_t size, __u64 at_host,
			   unsigned char *host)
{
	for (size_t done = 0; done < size; done += SIZE) {
		memset(host, UNTOUCHED, SIZE);
		if (run_packet(fd, queue, move(at + done, at_host, SIZE), NULL) ||
		    !all_bytes(host, 0, SIZE))
			return false;
	}
	return true;
}

TEST_F(card, an_exclusive_card_refuses_a_second_client)
{
	char mode[64];
	int other;

	snprintf(mode, sizeof(mode), "/sys/class/accel/accel%d/compute_mode", self->index);
	ASSERT_EQ(0, write_file(mode, "exclusive"));
	EXPECT_EQ(-EBUSY, open_qda(0));
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_EQ(0, write_file(mode, "shared"));
	other = open_qda(0);
	EXPECT_LE(0, other);
	close(other);
}

TEST_F_TIMEOUT(card, memory_is_zero_for_the_next_owner, 120)
{
	struct accel_buffer_create all[8];
	int count;

	/* All of it is written, and given back; then it is somebody else's. */
	for (int round = 0; round < 2; round++) {
		for (count = 0; count < 8; count++) {
			__u64 at;

			if (create_in(self->fd, LOCAL, HIDDEN, 0, &all[count]))
				break;
			at = map_anywhere(self->fd, self->space, all[count].handle, 0, HIDDEN,
					  READ_WRITE);
			ASSERT_NE(0ULL, at);
			EXPECT_TRUE(is_hidden_zero(self->fd, self->queue, at, HIDDEN,
						   self->at_host, self->host_bytes));
			for (size_t done = 0; done < HIDDEN; done += 4 * MIB)
				EXPECT_EQ(0, run_packet(self->fd, self->queue,
							fill(at + done, 4 * MIB, 0xdeadbeef),
							NULL));
			EXPECT_EQ(0, unmap(self->fd, self->space, at, HIDDEN));
		}
		EXPECT_LE(6, count);
		while (count--)
			EXPECT_EQ(0, close_buffer(self->fd, all[count].handle));
		settled_region(self->fd, LOCAL);
	}
}

TEST_F_TIMEOUT(card, contexts_and_queues_are_given_back, 120)
{
	int fd = open_qda(0);

	/* The fixture's own; the file stays open for its mappings. */
	ASSERT_EQ(0, destroy_queue(self->fd, self->queue));
	ASSERT_EQ(0, destroy_space(self->fd, self->space));
	for (int i = 0; i < 300; i++) {
		__u32 space = create_space(fd);

		ASSERT_NE(0U, space)
			TH_LOG("space %d", i);
		if (i % 2 == 0) {
			__u32 queue = create_queue_in(fd, space);

			ASSERT_LT(0, (__s32)queue);
			ASSERT_EQ(0, run_packet(fd, queue, nop(), NULL));
			ASSERT_EQ(0, destroy_queue(fd, queue));
		}
		ASSERT_EQ(0, destroy_space(fd, space));
	}
	close(fd);
	/* With the last job that used it. */
	for (__s64 end = now_ns() + SLACK_NS; now_ns() < end; sleep_ms(5))
		if (qda_number(self->index, "queues") == QUEUES_AT_REST)
			break;
	EXPECT_EQ(QUEUES_AT_REST, qda_number(self->index, "queues"));
}

TEST(half_of_the_doorbells_are_for_clients)
{
	struct accel_doorbell_create doorbell;
	int fds[3], count = 0;

	for (int i = 0; i < 3; i++) {
		fds[i] = open_qda(0);
		ASSERT_LE(0, fds[i]);
		while (!create_doorbell(fds[i], &doorbell))
			count++;
	}
	EXPECT_EQ(QUEUES / 2, count);
	EXPECT_EQ(-ENOSPC, create_doorbell(fds[2], &doorbell));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
