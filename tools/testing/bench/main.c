// SPDX-License-Identifier: GPL-2.0
/*
 * Measures every row. For each, a line `# bench NAME UNIT OURS PEER` (`-` for no peer) and a KTAP
 * result.
 */
#include <stdio.h>

#include "bench.h"

static const struct row *const rows[] = {
	&floor_getppid,
	&floor_ioctl,
	&info_ioctl,
	&info_device,
	&buffer_create_close,
	&buffer_touch_page,
	&handle_lookup_100k,
	&submit_private_buffer,
	&submit_shared_buffer,
	&kernel_submit_wait,
	&prepared_submit,
	&job_256_contexts,
	&user_submit,
	&context_create_destroy,
	&queue_create_destroy,
	&job_accounting,
	&monitors_100,
	&floor_ioctl_close,
	&dmabuf_reexport_close,
	&dmabuf_first_export,
	/* What they take, they keep. */
	&buffer_bytes,
	&file_bytes,
	/* Last: what they give back would be counted as free, or not, just before. */
	&class1_buffers,
	&class2_buffers,
	&class2_submit,
};

static double figure(const struct row *row, void (*call)(void))
{
	double cost = (row->measure ?: instructions)(row, call) / row->parts;

	return row->above ? cost - figure(row->above, row->above->ours) : cost;
}

static void print(const struct row *row, unsigned int number)
{
	printf("# bench %s %s %.2f ", row->name, row->unit, figure(row, row->ours));
	if (row->peer)
		printf("%.2f\n", figure(row, row->peer));
	else
		printf("-\n");
	printf("ok %u %s\n", number, row->name);
	fflush(stdout);
}

int main(void)
{
	const unsigned int count = sizeof(rows) / sizeof(rows[0]);

	printf("KTAP version 1\n1..%u\n", count);
	check_clock();
	open_files();
	for (unsigned int i = 0; i < count; i++)
		print(rows[i], i + 1);
	return 0;
}
