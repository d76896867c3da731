/* SPDX-License-Identifier: GPL-2.0 */
/* Failing the n-th allocation or copy of the calling thread. */
#ifndef _ACCEL_SELFTESTS_INJECT_H
#define _ACCEL_SELFTESTS_INJECT_H

#include "common.h"

/* Lets fault injection reach every allocation, and keeps it off the console. */
static inline int set_up_injection(void)
{
	static const char *const quiet[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	char path[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(quiet); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", quiet[i]);
		write_file(path, "0");
	}
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	return write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
}

static inline void arm(int file, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(file, text, length, 0) != length)
		abort();
}

/*
 * Stops the injection; returns whether a call since arm() had a failure. That
 * this very read or write fails instead shows that no call had.
 */
static inline bool disarm(int file)
{
	char text[16] = { 0 };
	bool hit = pread(file, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	while (pwrite(file, "0", 1, 0) != 1)
		hit = false;
	return hit;
}

#endif /* _ACCEL_SELFTESTS_INJECT_H */
