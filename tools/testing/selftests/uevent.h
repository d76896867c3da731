/* SPDX-License-Identifier: GPL-2.0 */
/* What udev hears. */
#ifndef _ACCEL_SELFTESTS_UEVENT_H
#define _ACCEL_SELFTESTS_UEVENT_H

#include <linux/netlink.h>
#include <sys/socket.h>

#include "common.h"

/* Returns a socket that hears uevents, or -errno. */
static inline int open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

/* The value of @key in a uevent of @size bytes; NULL if it has none. */
static inline const char *uevent_value(const char *event, ssize_t size, const char *key)
{
	for (const char *line = event; line < event + size; line += strlen(line) + 1)
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == '=')
			return line + strlen(key) + 1;
	return NULL;
}

/* What the next uevent with @key says of accel@index; "" if none comes, or it is no change. */
static inline const char *uevent_of(int uevents, int index, const char *key)
{
	static char event[4096];
	char name[32];

	snprintf(name, sizeof(name), "accel/accel%d", index);
	for (;;) {
		ssize_t size = recv(uevents, event, sizeof(event) - 1, 0);
		const char *device, *what;

		if (size < 0)
			return "";
		event[size] = '\0';
		device = uevent_value(event, size, "DEVNAME");
		what = uevent_value(event, size, key);
		if (what && device && !strcmp(device, name))
			return strncmp(event, "change@", 7) ? "" : what;
	}
}

#endif /* _ACCEL_SELFTESTS_UEVENT_H */
