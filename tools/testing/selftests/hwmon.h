/* SPDX-License-Identifier: GPL-2.0 */
/* The sensors of a device in hwmon. */
#ifndef _ACCEL_SELFTESTS_HWMON_H
#define _ACCEL_SELFTESTS_HWMON_H

#include "device.h"

#define HWMON_TEXT	64

/* Writes the folder of a device in hwmon to @folder; returns 0, or -ENOENT. */
static inline int find_hwmon(int index, char folder[128])
{
	char path[128], device[PATH_MAX], parent[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device", index);
	if (!realpath(path, device))
		return -ENOENT;
	for (int number = 0; number < 64; number++) {
		snprintf(folder, 128, "/sys/class/hwmon/hwmon%d", number);
		snprintf(path, sizeof(path), "/sys/class/hwmon/hwmon%d/device", number);
		if (realpath(path, parent) && !strcmp(parent, device))
			return 0;
	}
	return -ENOENT;
}

/* Reads a file in such a folder; returns 0, or -errno. */
static inline int read_hwmon(const char *folder, const char *name, char text[HWMON_TEXT])
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return read_file(path, text, HWMON_TEXT);
}

#endif /* _ACCEL_SELFTESTS_HWMON_H */
