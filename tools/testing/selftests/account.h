/* SPDX-License-Identifier: GPL-2.0 */
/* What is said of memory: by INFO, by fdinfo and by the list of buffers in debugfs. */
#ifndef _ACCEL_SELFTESTS_ACCOUNT_H
#define _ACCEL_SELFTESTS_ACCOUNT_H

#include "common.h"

#define MAX_REGIONS	4

/* One line of debugfs. */
struct listed {
	int pid;
	char process[64], placement[64], caching[16], held_by[32], advice[16], label[64];
	unsigned long long bytes;
};

static inline int index_of(int fd)
{
	struct accel_info_device device;

	return info(fd, ACCEL_INFO_DEVICE, &device, sizeof(device)) ?: (int)device.index;
}

/*
 * Reads the list of a device's buffers, the newest first; returns how many there are, of which the
 * first @most are in @list, or -errno.
 */
static inline int list_buffers_of(int index, struct listed *list, int most)
{
	char path[64], line[512];
	int count = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel_core/%d/buffers", index);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	for (; fgets(line, sizeof(line), file); count++) {
		struct listed *to = &list[count];

		if (count < 0 || count >= most)
			continue;
		if (sscanf(line, "%d %63s %llu %63s %15s %31s %15s %63[^\n]", &to->pid, to->process,
			   &to->bytes, to->placement, to->caching, to->held_by, to->advice,
			   to->label) != 8) {
			count = -EIO;
			break;
		}
	}
	fclose(file);
	return count;
}

static inline int list_buffers(int fd, struct listed *list, int most)
{
	int index = index_of(fd);

	return index < 0 ? index : list_buffers_of(index, list, most);
}

/* The number of buffers of a device once it is @expected, or still after SLACK_NS. */
static inline int settled_buffers(int fd, int expected)
{
	__s64 end = now_ns() + SLACK_NS;

	while (list_buffers(fd, NULL, 0) != expected && now_ns() < end)
		sleep_ms(1);
	return list_buffers(fd, NULL, 0);
}

/* Reads what the file's regions take; returns how many they are, or -errno. */
static inline int client_memory(int fd, struct accel_info_client_memory memory[MAX_REGIONS])
{
	struct accel_info argument;
	size_t size = MAX_REGIONS * sizeof(*memory);
	int error;

	memset(memory, 0, size);
	error = info_call(fd, &argument, ACCEL_INFO_CLIENT_MEMORY, memory, size);
	return error ? error : (int)(argument.size / sizeof(*memory));
}

/* Reads a key of fdinfo as a string; returns whether it is there, exactly once. */
static inline bool fdinfo_text(int fd, const char *key, char *value, size_t size)
{
	char path[64], line[256];
	unsigned int seen = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		size_t length = strlen(key);

		if (strncmp(line, key, length) || line[length] != ':')
			continue;
		seen++;
		snprintf(value, size, "%s", line + length + 1 + strspn(line + length + 1, " \t"));
		value[strcspn(value, "\n")] = '\0';
	}
	if (file)
		fclose(file);
	return seen == 1;
}

/* Bytes that fdinfo says; -1 if it does not. */
static inline long long fdinfo_bytes(int fd, const char *key, const char *region)
{
	char name[64], text[64], unit[8];
	long long number;

	snprintf(name, sizeof(name), "drm-%s-%s", key, region);
	if (!fdinfo_text(fd, name, text, sizeof(text)) ||
	    sscanf(text, "%lld %7s", &number, unit) != 2 || strcmp(unit, "KiB"))
		return -1;
	return number << 10;
}

/* Whether fdinfo says of a region what INFO says. */
static inline bool fdinfo_agrees(int fd, const struct accel_info_client_memory *memory)
{
	return fdinfo_bytes(fd, "total", memory->name) == (long long)memory->total &&
	       fdinfo_bytes(fd, "resident", memory->name) == (long long)memory->resident &&
	       fdinfo_bytes(fd, "shared", memory->name) == (long long)memory->shared &&
	       fdinfo_bytes(fd, "active", memory->name) == (long long)memory->active &&
	       fdinfo_bytes(fd, "purgeable", memory->name) == (long long)memory->purgeable;
}

#endif /* _ACCEL_SELFTESTS_ACCOUNT_H */
