/* SPDX-License-Identifier: GPL-2.0 */
/* Hot-plug slots of PCI, and their power. */
#ifndef _ACCEL_SELFTESTS_SLOT_H
#define _ACCEL_SELFTESTS_SLOT_H

#include <dirent.h>

#include "host.h"

#define SLOTS	"/sys/bus/pci/slots"

/* Whether the device at a PCI address is in the slot of this name. */
static inline bool is_in_slot(const char *slot, const char *address)
{
	char path[sizeof(SLOTS) + NAME_MAX + 16], bus[32];

	snprintf(path, sizeof(path), SLOTS "/%s/address", slot);
	return !read_file(path, bus, sizeof(bus)) && !strncmp(address, bus, strlen(bus));
}

/* Cuts the power of the slot of the device at a PCI address: 0, or -errno. */
static inline int cut_power(const char *address)
{
	char path[sizeof(SLOTS) + NAME_MAX + 16] = "";
	DIR *slots = opendir(SLOTS);
	struct dirent *slot;

	if (!slots)
		return -errno;
	while (!*path && (slot = readdir(slots)))
		if (is_in_slot(slot->d_name, address))
			snprintf(path, sizeof(path), SLOTS "/%s/power", slot->d_name);
	closedir(slots);
	return *path ? write_file(path, "0") : -ENOENT;
}

/* The same for a device that the host knows as @name; returns whether the slot is empty then. */
static inline bool power_off(const char *name, const char *address)
{
	char loosen[64], unplugged[64];

	snprintf(loosen, sizeof(loosen), "loosen %s", name);
	snprintf(unplugged, sizeof(unplugged), "unplugged %s", name);
	return host(loosen) && !cut_power(address) && host(unplugged);
}

#endif /* _ACCEL_SELFTESTS_SLOT_H */
