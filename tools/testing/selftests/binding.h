/* SPDX-License-Identifier: GPL-2.0 */
/* Taking the driver off a card, and back. */
#ifndef _ACCEL_SELFTESTS_BINDING_H
#define _ACCEL_SELFTESTS_BINDING_H

#include "memcard.h"

#define PLUG_MS	30000

/* Opens a card that may still be on its way. */
static inline int reopen(int number)
{
	__s64 deadline = in_ms(PLUG_MS);
	int fd;

	while ((fd = open_card(number)) < 0 && now_ns() < deadline)
		sleep_ms(20);
	return fd;
}

static inline int bind(const char *name, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/" MEMCARD_DRIVER "/%s", file);
	return write_file(path, name);
}

/* Where a card is on its bus: what unbind() and come_back() want. */
static inline void address_of(int fd, char *address)
{
	struct accel_info_device device = { .index = 0 };

	info(fd, ACCEL_INFO_DEVICE, &device, sizeof(device));
	memcpy(address, device.address, sizeof(device.address));
}

static inline int unbind(const char *address)
{
	return bind(address, "unbind");
}

static inline int come_back(const char *address)
{
	return bind(address, "bind");
}

#endif /* _ACCEL_SELFTESTS_BINDING_H */
