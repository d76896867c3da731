// SPDX-License-Identifier: GPL-2.0
/* More devices at once than one major number of old had minors. */
#include "fixture.h"

#define MANY	260

TEST_F_TIMEOUT(fake, more_than_256_devices_at_once, 600)
{
	bool present[MAX_FAKES] = { false }, before[MAX_FAKES] = { false };
	int count = 0;

	visit_devices(note_fake, before);
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, add_any_fake());
	visit_devices(note_fake, present);
	for (int number = 0; number < MAX_FAKES; number++) {
		if (!present[number] || before[number])
			continue;
		count++;
		EXPECT_EQ(0, remove_fake(number));
	}
	EXPECT_EQ(MANY, count);
}

TEST_HARNESS_MAIN
