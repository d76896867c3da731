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

/* Opens the NPU and makes its buffers; returns whether that worked. */
static inline bool open_npu(FIXTURE_DATA(npu) *npu)
{
	npu->fd = open_driver(ETHOSU_DRIVER);
	npu->source = create_mapped(npu->fd, PAGE, &npu->in);
	npu->target = create_mapped(npu->fd, PAGE, &npu->out);
	if (npu->source == MAP_FAILED || npu->target == MAP_FAILED)
		return false;
	for (unsigned int i = 0; i < PAGE; i++)
		npu->source[i] = i * 7 + 3;
	return true;
}

FIXTURE_SETUP(npu)
{
	ASSERT_TRUE(open_npu(self));
}

FIXTURE_TEARDOWN(npu)
{
	close(self->fd);
}

#endif /* _ACCEL_SELFTESTS_ETHOSU_FIXTURE_H */
