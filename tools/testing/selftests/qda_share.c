// SPDX-License-Identifier: GPL-2.0
/* accel_qda: memory of others in address spaces, of the host and of the other card. */
#include "qda_fixture.h"
#include "share.h"

/* What the first card sees of a dma-buf. */
struct foreign {
	struct accel_buffer_import buffer;
	__u64 address;
};

/* Imports @buf, which is closed, and maps it. */
static int open_foreign(int fd, __u32 space, int buf, struct foreign *foreign)
{
	int error = buf < 0 ? buf : import_buffer(fd, buf, &foreign->buffer);

	close(buf);
	if (error)
		return error;
	foreign->address = map_anywhere(fd, space, foreign->buffer.handle, 0, foreign->buffer.size,
					READ_WRITE);
	return foreign->address ? 0 : -EIO;
}

static void draw(unsigned char *bytes, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = i * 37 + (i >> 12) * 5 + seed;
}

#define HUGE_PIECE	(16 * PAGE)

TEST_F(card, memory_of_the_host_is_reached_piece_by_piece)
{
	int bufs[] = { udmabuf(HUGE_PIECE), huge_udmabuf(HUGE_PIECE), backward_udmabuf(HUGE_PIECE),
		       heap_buffer(HUGE_PIECE), vgem_buffer(HUGE_PIECE) };

	for (unsigned int i = 0; i < ARRAY_SIZE(bufs); i++) {
		struct foreign foreign;
		int buf = fcntl(bufs[i], F_DUPFD_CLOEXEC, 0);
		unsigned char *bytes;

		ASSERT_LE(0, buf);
		ASSERT_EQ(0, open_foreign(self->fd, self->space, bufs[i], &foreign))
			TH_LOG("buffer %u", i);
		bytes = map_at(buf, 0, HUGE_PIECE);
		ASSERT_NE(MAP_FAILED, (void *)bytes);
		/* There. */
		ASSERT_EQ(0, sync_buffer(buf, 0));
		draw(bytes, HUGE_PIECE, i);
		ASSERT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_END));
		EXPECT_EQ(0, run_packet(self->fd, self->queue,
					move(foreign.address, self->at_local, HUGE_PIECE), NULL));
		EXPECT_EQ(0, memcmp(bytes, self->local_bytes, HUGE_PIECE));
		/* And back, from the second page on, not further than asked for. */
		memset(self->local_bytes, 0x3c, HUGE_PIECE);
		EXPECT_EQ(0, run_packet(self->fd, self->queue,
					move(self->at_local, foreign.address + PAGE,
					     HUGE_PIECE - 2 * PAGE), NULL));
		EXPECT_EQ(0, sync_buffer(buf, 0));
		EXPECT_TRUE(all_bytes(bytes + PAGE, 0x3c, HUGE_PIECE - 2 * PAGE));
		EXPECT_EQ(i, bytes[0]);
		EXPECT_NE(0x3c, bytes[HUGE_PIECE - PAGE + 1]);
		EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_END));
		EXPECT_EQ(0, unmap(self->fd, self->space, foreign.address, HUGE_PIECE));
		EXPECT_EQ(0, close_buffer(self->fd, foreign.buffer.handle));
		munmap(bytes, HUGE_PIECE);
		close(buf);
	}
}

/* A buffer of the second card, which the first one has mapped. */
struct peer {
	int fd;
	struct accel_buffer_create buffer;
	unsigned char *bytes;
	struct foreign foreign;
};

static int open_peer(int fd, __u32 space, __u32 flags, struct peer *peer)
{
	int error;

	peer->fd = open_qda(1);
	error = create_in(peer->fd, LOCAL, SIZE, flags, &peer->buffer);
	if (error)
		return error;
	peer->bytes = flags & ACCEL_CREATE_VISIBLE ? map(peer->fd, &peer->buffer) : NULL;
	return open_foreign(fd, space, export_buffer(peer->fd, peer->buffer.handle),
			    &peer->foreign);
}

TEST_F(card, memory_of_the_other_card_is_reached_without_a_copy)
{
	struct accel_job_status status;
	struct peer peer;

	ASSERT_EQ(0, open_peer(self->fd, self->space, ACCEL_CREATE_VISIBLE, &peer));
	draw(peer.bytes, SIZE, 1);
	EXPECT_EQ(0, run_packet(self->fd, self->queue,
				move(peer.foreign.address, self->at_local, SIZE), &status))
		TH_LOG("fault %u at %#llx", status.fault, status.fault_address);
	EXPECT_EQ(0, memcmp(peer.bytes, self->local_bytes, SIZE));
	draw(self->local_bytes, SIZE, 2);
	EXPECT_EQ(0, run_packet(self->fd, self->queue,
				move(self->at_local, peer.foreign.address, SIZE), NULL));
	EXPECT_EQ(0, memcmp(peer.bytes, self->local_bytes, SIZE));
	close(peer.fd);
	/* It stays as long as somebody has it. */
	EXPECT_EQ(0, run_packet(self->fd, self->queue,
				fill(peer.foreign.address, SIZE, 0), NULL));
	EXPECT_TRUE(all_bytes(peer.bytes, 0, SIZE));
	munmap(peer.bytes, SIZE);
}

TEST_F(card, what_fails_of_the_other_card_is_its_memory)
{
	struct accel_job_status status;
	struct peer peer;

	ASSERT_EQ(0, open_peer(self->fd, self->space, ACCEL_CREATE_VISIBLE, &peer));
	ASSERT_TRUE(qda_model(0, "peer-error on"));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue,
				   move(peer.foreign.address, self->at_local, PAGE), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_BUS, status.fault);
	ASSERT_TRUE(qda_model(0, "peer-error off"));
	EXPECT_EQ(0, run_packet(self->fd, self->queue,
				move(peer.foreign.address, self->at_local, PAGE), NULL));
	munmap(peer.bytes, SIZE);
	close(peer.fd);
}

TEST_F_TIMEOUT(card, what_its_owner_takes_away_leads_nowhere, 120)
{
	struct accel_address_space_map again;
	struct accel_info_device device;
	struct accel_job_status status;
	__u64 part = 3ULL << 30;
	struct peer peer;

	ASSERT_EQ(0, open_peer(self->fd, self->space, ACCEL_CREATE_VISIBLE, &peer));
	/* More than once, in parts. */
	ASSERT_EQ(0, map_fixed(self->fd, self->space, peer.foreign.buffer.handle, PAGE, 3 * PAGE,
			       part, READ_WRITE));
	ASSERT_EQ(0, unmap(self->fd, self->space, part + PAGE, PAGE));
	ASSERT_EQ(0, info(peer.fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	ASSERT_EQ(0, bind_qda(device.address, "unbind"));
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue,
				   move(peer.foreign.address, self->at_local, PAGE), &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_PAGE, status.fault);
	EXPECT_EQ(peer.foreign.address, status.fault_address);
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, fill(part + 2 * PAGE, PAGE, 0), NULL));
	again = (struct accel_address_space_map){
		.space = self->space,
		.flags = READ_WRITE,
		.buffer = peer.foreign.buffer.handle,
		.size = SIZE,
	};
	EXPECT_EQ(-ENODEV, call(self->fd, ACCEL_IOCTL_ADDRESS_SPACE_MAP, &again));
	/* What is the card's own stays. */
	EXPECT_EQ(0, run_packet(self->fd, self->queue,
				move(self->at_host, self->at_local, PAGE), NULL));
	EXPECT_EQ(0, close_buffer(self->fd, peer.foreign.buffer.handle));
	munmap(peer.bytes, SIZE);
	close(peer.fd);
	ASSERT_EQ(0, bind_qda(device.address, "bind"));
	ASSERT_LE(0, qda_index(1));
}

/* Copies from another card until it cannot. */
static void *copy_for_ever(void *argument)
{
	struct accel_qda_packet packet = *(struct accel_qda_packet *)argument;
	int fd = packet.reserved;
	__u32 queue = packet.scalar;

	packet.reserved = 0;
	packet.scalar = 0;
	while (!run_packet(fd, queue, packet, NULL))
		;
	return NULL;
}

TEST_F_TIMEOUT(card, its_owner_may_take_it_away_amid_work, 120)
{
	for (int i = 0; i < times(50); i++) {
		struct accel_info_device device;
		struct accel_qda_packet packet;
		struct peer peer;
		pthread_t thread;

		ASSERT_EQ(0, open_peer(self->fd, self->space, ACCEL_CREATE_VISIBLE, &peer));
		ASSERT_EQ(0, info(peer.fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
		packet = move(peer.foreign.address, self->at_local, SIZE);
		packet.reserved = self->fd;
		packet.scalar = self->queue;
		ASSERT_EQ(0, pthread_create(&thread, NULL, copy_for_ever, &packet));
		sleep_ms(20);
		ASSERT_EQ(0, bind_qda(device.address, "unbind"));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
		EXPECT_EQ(0, close_buffer(self->fd, peer.foreign.buffer.handle));
		munmap(peer.bytes, SIZE);
		close(peer.fd);
		ASSERT_EQ(0, bind_qda(device.address, "bind"));
		ASSERT_LE(0, qda_index(1));
	}
}

TEST_HARNESS_MAIN
