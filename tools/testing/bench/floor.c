// SPDX-License-Identifier: GPL-2.0
/* What every system call costs, and every ioctl, before anybody does anything for it. */
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

static void getppid_once(void)
{
	getppid();
}

/* /dev/null has no ioctl at all: ENOTTY. */
static void ioctl_once(void)
{
	must(ioctl(null_file, _IO('x', 0), NULL) < 0, "ioctl of /dev/null");
}

const struct row floor_getppid = {
	.name = "floor_getppid", .unit = "instructions",
	.ours = getppid_once, .peer = getppid_once,
	.calls = 256, .batches = 128, .parts = 1,
};

const struct row floor_ioctl = {
	.name = "floor_ioctl", .unit = "instructions",
	.ours = ioctl_once, .peer = ioctl_once,
	.calls = 256, .batches = 128, .parts = 1,
};
