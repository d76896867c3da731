/* SPDX-License-Identifier: GPL-2.0 */
/* The fixture of tests that need an NPU which is there. */
#ifndef _ACCEL_SELFTESTS_ETHOSU_FIXTURE_H
#define _ACCEL_SELFTESTS_ETHOSU_FIXTURE_H

#include "ethosu.h"

/* The NPU, with a buffer to copy from and one to copy to. */
FIXTURE(npu)
{
	int fd;
	struct accel_buffer_create in, out;
	unsigned char *source, *target;
};

FIXTURE_SETUP(npu)
{
	self->fd = open_driver(ETHOSU_DRIVER);
	ASSERT_LE(0, self->fd);
	self->source = create_mapped(self->fd, PAGE, &self->in);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->source);
	self->target = create_mapped(self->fd, PAGE, &self->out);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->target);
	for (unsigned int i = 0; i < PAGE; i++)
		self->source[i] = i * 7 + 3;
}

FIXTURE_TEARDOWN(npu)
{
	close(self->fd);
}

#endif /* _ACCEL_SELFTESTS_ETHOSU_FIXTURE_H */
