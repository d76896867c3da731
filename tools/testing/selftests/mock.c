// SPDX-License-Identifier: GPL-2.0
/* The example driver accel_mock: adds 1 to each byte of buffer 0 into buffer 1. */
#include "buffer.h"
#include "device.h"
#include "job.h"

#define SIZE	(4 * PAGE)

FIXTURE(mock)
{
	int fd;
	struct accel_buffer_create in, out;
	unsigned char *source, *sum;
	struct accel_submit_buffer buffers[2];
	struct accel_submit submit;
	struct accel_submit_job entry;
};

FIXTURE_SETUP(mock)
{
	self->fd = open_driver("accel_mock");
	ASSERT_LE(0, self->fd);
	self->source = create_mapped(self->fd, SIZE, &self->in);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->source);
	self->sum = create_mapped(self->fd, SIZE, &self->out);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->sum);
	for (unsigned int i = 0; i < SIZE; i++)
		self->source[i] = i * 7;
	self->buffers[0] = (struct accel_submit_buffer){ self->in.handle, ACCEL_BUFFER_READ };
	self->buffers[1] = (struct accel_submit_buffer){ self->out.handle, ACCEL_BUFFER_WRITE };
	self->entry = (struct accel_submit_job){
		.buffers = user(self->buffers),
		.nr_buffers = 2,
	};
}

FIXTURE_TEARDOWN(mock)
{
	close(self->fd);
}

TEST_F(mock, adds_one_to_each_byte)
{
	ASSERT_EQ(0, submit_entry(self->fd, &self->submit, &self->entry));
	ASSERT_EQ(0, wait_job(self->fd, self->entry.job));
	for (unsigned int i = 0; i < SIZE; i++)
		ASSERT_EQ((unsigned char)(i * 7 + 1), self->sum[i]);
}

TEST_F(mock, has_an_adder)
{
	struct accel_info_engine engine = engine_of(self->fd);

	EXPECT_STREQ("adder", engine.name);
	EXPECT_EQ((__u32)ACCEL_ENGINE_COMPUTE, engine.kind);
}

TEST_F(mock, takes_a_nanojoule_for_each_byte)
{
	struct accel_info_sensor before = { 0 }, after = { 0 };

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_SENSORS, &before, sizeof(before)));
	EXPECT_STREQ("adder", before.label);
	EXPECT_EQ((__u32)ACCEL_SENSOR_ENERGY, before.kind);
	EXPECT_EQ((__u32)ACCEL_SENSOR_VALUE, before.flags);
	ASSERT_EQ(0, submit_entry(self->fd, &self->submit, &self->entry));
	ASSERT_EQ(0, wait_job(self->fd, self->entry.job));
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_SENSORS, &after, sizeof(after)));
	/* Microjoules are whole ones. */
	EXPECT_LE(before.value + (__s64)(SIZE / 1000), after.value);
	EXPECT_GE(before.value + (__s64)(SIZE / 1000) + 1, after.value);
}

TEST_F(mock, refuses_a_result_named_for_reading)
{
	self->buffers[1].flags = ACCEL_BUFFER_READ;
	EXPECT_EQ(-EACCES, submit_entry(self->fd, &self->submit, &self->entry));
}

TEST_F(mock, refuses_buffers_of_different_sizes)
{
	self->buffers[0].handle = handle_of(self->fd, PAGE);
	EXPECT_EQ(-EINVAL, submit_entry(self->fd, &self->submit, &self->entry));
}

TEST_F(mock, refuses_other_numbers_of_buffers)
{
	self->entry.nr_buffers = 1;
	EXPECT_EQ(-EINVAL, submit_entry(self->fd, &self->submit, &self->entry));
	self->entry.nr_buffers = 0;
	EXPECT_EQ(-EINVAL, submit_entry(self->fd, &self->submit, &self->entry));
}

TEST_F(mock, refuses_a_payload)
{
	self->entry.payload = user(self);
	self->entry.payload_size = 1;
	EXPECT_EQ(-E2BIG, submit_entry(self->fd, &self->submit, &self->entry));
}

TEST_F(mock, has_no_prepared_jobs)
{
	struct accel_job_prepare prepare = { .buffers = user(self->buffers), .nr_buffers = 2 };

	EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_JOB_PREPARE, &prepare));
}

TEST_F(mock, has_no_commands_of_its_own)
{
	struct accel_fake_echo echo = { .value = 1 };

	EXPECT_EQ(-ENOTTY, call(self->fd, ACCEL_FAKE_IOCTL_ECHO, &echo));
}

/* It says that a sum that does not fit is an error that it has corrected. */
TEST_F(mock, counts_sums_that_do_not_fit)
{
	struct accel_info_errors before = { 0 }, after = { 0 };
	unsigned int overflows = 0;

	for (unsigned int i = 0; i < SIZE; i++)
		overflows += self->source[i] == 0xff;
	ASSERT_LT(0U, overflows);
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_ERRORS, &before, sizeof(before)));
	EXPECT_STREQ("adder", before.name);
	EXPECT_EQ((__u32)ACCEL_BLOCK_ENGINE, before.kind);
	ASSERT_EQ(0, submit_entry(self->fd, &self->submit, &self->entry));
	ASSERT_EQ(0, wait_job(self->fd, self->entry.job));
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_ERRORS, &after, sizeof(after)));
	EXPECT_EQ(before.corrected + overflows, after.corrected);
	EXPECT_EQ(0ULL, after.uncorrected);
}

TEST_F(mock, what_it_lacks_is_absent)
{
	static const __u32 lacking[] = {
		ACCEL_INFO_LINKS, ACCEL_INFO_THROTTLE, ACCEL_INFO_ROWS, ACCEL_INFO_SPARES,
		ACCEL_INFO_FIRMWARE, ACCEL_INFO_SLEEP,
	};
	struct accel_info_device device = { .flags = 0 };
	char data[256];

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	EXPECT_EQ(0U, device.flags);
	for (unsigned int i = 0; i < ARRAY_SIZE(lacking); i++) {
		EXPECT_EQ(-EOPNOTSUPP, info(self->fd, lacking[i], data, sizeof(data)))
			TH_LOG("kind %u", lacking[i]);
	}
}

TEST_HARNESS_MAIN
