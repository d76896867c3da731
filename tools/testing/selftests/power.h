/* SPDX-License-Identifier: GPL-2.0 */
/* Sleep of the system, as far as it can be tested without one that wakes up, and of a device. */
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

static inline int set_power(const char *device, const char *name, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.20s/power/%s", device, name);
	return write_file(path, value);
}

/* Whether a device of PCI is "active" or "suspended". */
static inline bool is_in(const char *device, const char *status)
{
	char path[96], text[32];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.20s/power/runtime_status", device);
	return !read_file(path, text, sizeof(text)) && !strncmp(text, status, strlen(status));
}

/* Waits until it is suspended, as nobody uses it. */
static inline bool dozes(const char *device)
{
	for (__s64 end = in_ms(10000); !is_in(device, "suspended") && now_ns() < end; sleep_ms(5))
		;
	return is_in(device, "suspended");
}

/* Has it doze as soon as nobody uses it. */
static inline int let_doze(const char *device)
{
	int error = set_power(device, "autosuspend_delay_ms", "50");

	return error ?: set_power(device, "control", "auto");
}

static inline void keep_awake(const char *device)
{
	set_power(device, "control", "on");
}

#endif /* _ACCEL_SELFTESTS_POWER_H */
