/* SPDX-License-Identifier: GPL-2.0 */
/* Finding, opening, adding and removing devices. */
#ifndef _ACCEL_SELFTESTS_DEVICE_H
#define _ACCEL_SELFTESTS_DEVICE_H

#include <dirent.h>

#include "common.h"

#define FAKE_DRIVER	"accel_fake"
#define FAKE_DEBUGFS	"/sys/kernel/debug/accel_fake/"
#define MAX_FAKES	16384	/* numbers that may be used up in one boot */

/* fake.0 is for everyone, fake.1 for one client at a time. */
#define SHARED		0
#define EXCLUSIVE	1

/* Opens /dev/accel/@name@index. */
static inline int open_node(const char *name, unsigned int index, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/accel/%s%u", name, index);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static inline int open_compute(unsigned int index)
{
	return open_node("accel", index, O_RDWR);
}

static inline int open_monitor(unsigned int index)
{
	return open_node("monitor", index, O_RDONLY);
}

static inline int device_info(unsigned int index, struct accel_info_device *device)
{
	int fd = open_monitor(index);
	int error;

	if (fd < 0)
		return fd;
	memset(device, 0, sizeof(*device));
	error = info(fd, ACCEL_INFO_DEVICE, device, sizeof(*device));
	close(fd);
	return error;
}

/* Calls @visit with each device until it returns true; returns the index or -ENOENT. */
static inline int visit_devices(bool (*visit)(const struct accel_info_device *device, void *with),
				void *with)
{
	struct accel_info_device device;
	DIR *nodes = opendir("/dev/accel");
	struct dirent *node;
	int found = -ENOENT;
	unsigned int index;

	if (!nodes)
		return -errno;
	while (found < 0 && (node = readdir(nodes)))
		if (sscanf(node->d_name, "monitor%u", &index) == 1 &&
		    !device_info(index, &device) && visit(&device, with))
			found = index;
	closedir(nodes);
	return found;
}

/* Has all of a device reset; returns 0, or -errno. */
static inline int reset_device(unsigned int index)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%u/reset", index);
	return write_file(path, "1");
}

/* Writes @text to "isolated" of a device. */
static inline int isolate_device(unsigned int index, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/accel/accel%u/isolated", index);
	return write_file(path, text);
}

/* The number K of device "fake.K", -1 if it is no fake. */
static inline int fake_number(const struct accel_info_device *device)
{
	int number;

	if (strcmp(device->driver, FAKE_DRIVER) ||
	    sscanf(device->address, "fake.%d", &number) != 1)
		return -1;
	return number;
}

static inline bool is_fake(const struct accel_info_device *device, void *number)
{
	return fake_number(device) == *(int *)number;
}

/* Index of the nodes of fake.@number. */
static inline int fake_index(int number)
{
	return visit_devices(is_fake, &number);
}

static inline int open_fake(int number)
{
	int index = fake_index(number);

	return index < 0 ? index : open_compute(index);
}

static inline int open_fake_monitor(int number)
{
	int index = fake_index(number);

	return index < 0 ? index : open_monitor(index);
}

static inline bool is_driver(const struct accel_info_device *device, void *name)
{
	return !strcmp(device->driver, name);
}

/* Opens the compute node of the first device of a driver. */
static inline int open_driver(const char *name)
{
	int index = visit_devices(is_driver, (void *)name);

	return index < 0 ? index : open_compute(index);
}

static inline bool note_fake(const struct accel_info_device *device, void *present)
{
	int number = fake_number(device);

	if (number >= 0 && number < MAX_FAKES)
		((bool *)present)[number] = true;
	return false;
}

/* Removes fake.@number, returns when it is gone. */
static inline int remove_fake(int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	return write_file(FAKE_DEBUGFS "remove", text);
}

static inline int add_any_fake(void)
{
	return write_file(FAKE_DEBUGFS "add", "1");
}

/* Adds a device, returns its number. */
static inline int add_fake(void)
{
	bool before[MAX_FAKES] = { false }, after[MAX_FAKES] = { false };
	int error;

	visit_devices(note_fake, before);
	error = add_any_fake();
	if (error)
		return error;
	visit_devices(note_fake, after);
	for (int number = 0; number < MAX_FAKES; number++)
		if (after[number] && !before[number])
			return number;
	return -ENOENT;
}

static inline bool is_exclusive(int number)
{
	struct accel_info_device device = { .flags = 0 };

	device_info(fake_index(number), &device);
	return device.flags & ACCEL_DEVICE_EXCLUSIVE;
}

/* Adds a device that any number of clients may open, returns its number. */
static inline int add_shared_fake(void)
{
	int number = add_fake(), other;

	if (number < 0 || !is_exclusive(number))
		return number;
	other = add_shared_fake();
	remove_fake(number);
	return other;
}

/* The file that says how much time jobs have, milliseconds; 0: as much as the driver wants. */
struct job_limit_file {
	char path[64];
};

static inline struct job_limit_file job_limit_file(int index)
{
	struct job_limit_file file;

	snprintf(file.path, sizeof(file.path), "/sys/kernel/debug/accel_core/%d/timeout_ms", index);
	return file;
}

/* Gives jobs that start from now on so much time. */
static inline int limit_jobs(int index, unsigned int milliseconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", milliseconds);
	return write_file(job_limit_file(index).path, text);
}

static inline unsigned int job_limit(int index)
{
	char text[16];

	return read_file(job_limit_file(index).path, text, sizeof(text)) ? 0 : atoi(text);
}

#endif /* _ACCEL_SELFTESTS_DEVICE_H */
