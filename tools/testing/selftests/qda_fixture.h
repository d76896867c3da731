/* SPDX-License-Identifier: GPL-2.0 */
/* A QDA card with an address space, a queue, a buffer of the card and one of the host. */
#ifndef _ACCEL_SELFTESTS_QDA_FIXTURE_H
#define _ACCEL_SELFTESTS_QDA_FIXTURE_H

#include "qda.h"

#define SIZE	(256 * 1024UL)

FIXTURE(card)
{
	int fd;
	int index;
	__u32 space, queue;
	struct accel_buffer_create local, host;
	unsigned char *local_bytes, *host_bytes;
	/* Where they are in the address space. */
	__u64 at_local, at_host;
};

FIXTURE_SETUP(card)
{
	self->index = qda_index(0);
	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
	self->space = create_space(self->fd);
	ASSERT_NE(0U, self->space);
	self->queue = create_queue_in(self->fd, self->space);
	ASSERT_LT(0, (__s32)self->queue);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, SIZE, ACCEL_CREATE_VISIBLE, &self->local));
	self->local_bytes = map(self->fd, &self->local);
	ASSERT_NE(MAP_FAILED, (void *)self->local_bytes);
	self->host_bytes = create_mapped(self->fd, SIZE, &self->host);
	ASSERT_NE(MAP_FAILED, (void *)self->host_bytes);
	self->at_local = map_anywhere(self->fd, self->space, self->local.handle, 0, SIZE,
				      READ_WRITE);
	self->at_host = map_anywhere(self->fd, self->space, self->host.handle, 0, SIZE,
				     READ_WRITE);
	ASSERT_NE(0ULL, self->at_local);
	ASSERT_NE(0ULL, self->at_host);
}

FIXTURE_TEARDOWN(card)
{
	munmap(self->local_bytes, SIZE);
	munmap(self->host_bytes, SIZE);
	close(self->fd);
}

#endif /* _ACCEL_SELFTESTS_QDA_FIXTURE_H */
