/* SPDX-License-Identifier: GPL-2.0 */
/* One line to the host, as the program "host" has it: no processes are made for it. */
#ifndef _ACCEL_SELFTESTS_HOST_H
#define _ACCEL_SELFTESTS_HOST_H

#include "common.h"

#define HOST_LINE	"/dev/ttyS1"
#define HOST_LOCK	"/tmp/host.lock"

#define HOST_ANSWER	1024

/* Sends a command (tools/testing/vm/channel.py) and reads what becomes of it. */
static inline bool exchange_line(int line, const char *command, char answer[HOST_ANSWER])
{
	size_t length = 0;

	if (dprintf(line, "%s\n", command) < 0)
		return false;
	while (length < HOST_ANSWER - 1 && read(line, answer + length, 1) == 1)
		if (answer[length++] == '\n')
			break;
	answer[length] = '\0';
	if (strncmp(answer, "ok", 2))
		fprintf(stderr, "# host %s: %s", command, answer);
	return !strncmp(answer, "ok", 2);
}

/* Has the host do something; returns whether it did, and its answer. */
static inline bool ask_host(const char *command, char answer[HOST_ANSWER])
{
	int line = open(HOST_LINE, O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool is_done;

	if (line < 0)
		return false;
	/* Shell scripts have the same lock. */
	while (mkdir(HOST_LOCK, 0700) && errno == EEXIST)
		sleep_ms(5);
	is_done = exchange_line(line, command, answer);
	rmdir(HOST_LOCK);
	close(line);
	return is_done;
}

static inline bool host(const char *command)
{
	char answer[HOST_ANSWER];

	return ask_host(command, answer);
}

#endif /* _ACCEL_SELFTESTS_HOST_H */
