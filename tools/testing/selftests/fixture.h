/* SPDX-License-Identifier: GPL-2.0 */
/* The fixture of most tests: the device that everyone may open. */
#ifndef _ACCEL_SELFTESTS_FIXTURE_H
#define _ACCEL_SELFTESTS_FIXTURE_H

#include "device.h"

/* fake.0, opened on both nodes. */
FIXTURE(fake)
{
	int fd;
	int monitor;
};

FIXTURE_SETUP(fake)
{
	self->fd = open_fake(SHARED);
	ASSERT_LE(0, self->fd);
	self->monitor = open_fake_monitor(SHARED);
	ASSERT_LE(0, self->monitor);
}

FIXTURE_TEARDOWN(fake)
{
	close(self->monitor);
	close(self->fd);
}

#endif /* _ACCEL_SELFTESTS_FIXTURE_H */
