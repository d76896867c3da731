// SPDX-License-Identifier: GPL-2.0
/* Monitors are opened and closed while devices are reset, come and go. */
#include "watchers.h"

#include "job.h"

#define DEVICES	8

FIXTURE(watched)
{
	int number;
	int index;
	int fd;
};

FIXTURE_SETUP(watched)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(watched)
{
	close(self->fd);
	remove_fake(self->number);
}

TEST_F_TIMEOUT(watched, monitors_come_and_go_in_resets_and_unplugs, 1200)
{
	struct watchers watchers;

	ASSERT_EQ(0, start_watching(&watchers, DEVICES));
	for (int i = 0; is_watched(&watchers); i++) {
		int number = add_fake();

		EXPECT_LE(0, number);
		EXPECT_EQ(0, reset_device(self->index));
		EXPECT_EQ(0, remove_fake(number));
		if (i % 100 == 0)
			TH_LOG("%d left", watchers.left);
	}
	EXPECT_EQ(0, end_watching(&watchers));
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(0U, clients_of(self->fd).monitors);
	EXPECT_LE(watches() / DEVICES / 2, (int)clients_of(self->fd).monitor_opens);
}

TEST_HARNESS_MAIN
