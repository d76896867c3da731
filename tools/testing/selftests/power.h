/* SPDX-License-Identifier: GPL-2.0 */
/* Sleep of the system, as far as it can be tested without one that wakes up. */
#ifndef _ACCEL_SELFTESTS_POWER_H
#define _ACCEL_SELFTESTS_POWER_H

#include "common.h"

/* Levels of /sys/power/pm_test: devices are suspended; they are in D3hot, too. */
#define SUSPENDED	"devices"
#define IN_D3		"platform"

/* Puts the system to sleep as far as @level, and wakes it at once; returns 0 or -errno. */
static inline int sleep_to(const char *level, const char *state)
{
	int error = write_file("/sys/module/suspend/parameters/pm_test_delay", "0");

	error = error ?: write_file("/sys/power/pm_test", level);
	error = error ?: write_file("/sys/power/state", state);
	write_file("/sys/power/pm_test", "none");
	return error;
}

static inline int sleep_system(const char *level)
{
	return sleep_to(level, "freeze");
}

#endif /* _ACCEL_SELFTESTS_POWER_H */
