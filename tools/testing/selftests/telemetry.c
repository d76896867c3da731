// SPDX-License-Identifier: GPL-2.0
/* What a device measures and counts about itself, as INFO and hwmon tell it. */
#include "hwmon.h"
#include "job.h"
#include "monitor.h"

/* Sensors of the test device. */
enum { DIE, CORE, RAIL, BOARD, ENERGY, CLOCK, FAN, SENSORS };

/* A device of its own, with a client and a monitor. */
FIXTURE(telemetry)
{
	int number;
	int index;
	int fd;
	int monitor;
};

FIXTURE_SETUP(telemetry)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	self->monitor = open_monitor(self->index);
	ASSERT_LE(0, self->monitor);
}

FIXTURE_TEARDOWN(telemetry)
{
	close(self->monitor);
	close(self->fd);
	remove_fake(self->number);
}

static int set(int fd, __u32 what, __u32 index, __s64 value)
{
	struct accel_fake_set argument = { .what = what, .index = index, .value = value };

	return call(fd, ACCEL_FAKE_IOCTL_SET, &argument);
}

static int lose(int fd, __u32 what, __u32 index)
{
	struct accel_fake_set argument = { .what = what, .index = index, .flags = ACCEL_FAKE_LOST };

	return call(fd, ACCEL_FAKE_IOCTL_SET, &argument);
}

static struct accel_info_sensor sensor(int fd, int number)
{
	struct accel_info_sensor sensors[SENSORS] = { 0 };

	array(fd, ACCEL_INFO_SENSORS, sensors, sizeof(sensors));
	return sensors[number];
}

TEST_F(telemetry, sensors_say_what_they_measure)
{
	static const struct {
		const char *label;
		__u32 kind, flags;
		__s64 high, critical;
	} expected[SENSORS] = {
		{ "die", ACCEL_SENSOR_TEMPERATURE, ACCEL_SENSOR_HIGH | ACCEL_SENSOR_CRITICAL,
		  95000, 105000 },
		{ "core", ACCEL_SENSOR_VOLTAGE, 0, 0, 0 },
		{ "rail", ACCEL_SENSOR_CURRENT, ACCEL_SENSOR_HIGH, 20000, 0 },
		{ "board", ACCEL_SENSOR_POWER, ACCEL_SENSOR_HIGH, 75000000, 0 },
		{ "board", ACCEL_SENSOR_ENERGY, 0, 0, 0 },
		{ "engine", ACCEL_SENSOR_FREQUENCY, ACCEL_SENSOR_HIGH, 1000000000, 0 },
		{ "fan", ACCEL_SENSOR_FAN, 0, 0, 0 },
	};
	struct accel_info_sensor sensors[SENSORS + 1];
	const int files[] = { self->fd, self->monitor };

	for (int i = 0; i < SENSORS; i++)
		ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_SENSOR, i, 1000 + i));
	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		ASSERT_EQ(SENSORS, array(files[i], ACCEL_INFO_SENSORS, sensors, sizeof(sensors)));
		for (int j = 0; j < SENSORS; j++) {
			EXPECT_STREQ(expected[j].label, sensors[j].label);
			EXPECT_EQ(expected[j].kind, sensors[j].kind);
			EXPECT_EQ(expected[j].flags | ACCEL_SENSOR_VALUE, sensors[j].flags);
			EXPECT_EQ(1000 + j, sensors[j].value);
			EXPECT_EQ(expected[j].high, sensors[j].high);
			EXPECT_EQ(expected[j].critical, sensors[j].critical);
		}
	}
}

TEST_F(telemetry, what_cannot_be_read_is_absent)
{
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_SENSOR, DIE, -12000));
	EXPECT_EQ(-12000, sensor(self->monitor, DIE).value);
	ASSERT_EQ(0, lose(self->fd, ACCEL_FAKE_SENSOR, DIE));
	EXPECT_EQ(0, sensor(self->monitor, DIE).value);
	EXPECT_EQ((__u32)(ACCEL_SENSOR_HIGH | ACCEL_SENSOR_CRITICAL),
		  sensor(self->monitor, DIE).flags);
	EXPECT_EQ((__u32)ACCEL_SENSOR_VALUE, sensor(self->monitor, CORE).flags);
}

TEST_F(telemetry, energy_goes_on_when_the_device_begins_anew)
{
	static const __s64 raw[] = { 100, 150, 20, 20, 60, 0 }, seen[] = { 100, 150, 170, 170, 210,
									  210 };

	for (unsigned int i = 0; i < ARRAY_SIZE(raw); i++) {
		ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_SENSOR, ENERGY, raw[i]));
		EXPECT_EQ(seen[i], sensor(self->monitor, ENERGY).value);
	}
	/* What it was is known. */
	ASSERT_EQ(0, lose(self->fd, ACCEL_FAKE_SENSOR, ENERGY));
	EXPECT_EQ(210, sensor(self->monitor, ENERGY).value);
}

TEST_F(telemetry, errors_are_counted_by_blocks)
{
	struct accel_info_errors blocks[3];

	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_CORRECTED, 0, 7));
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_UNCORRECTED, 1, 2));
	ASSERT_EQ(2, array(self->monitor, ACCEL_INFO_ERRORS, blocks, sizeof(blocks)));
	EXPECT_STREQ("memory", blocks[0].name);
	EXPECT_EQ((__u32)ACCEL_BLOCK_MEMORY, blocks[0].kind);
	EXPECT_EQ(7ULL, blocks[0].corrected);
	EXPECT_EQ(0ULL, blocks[0].uncorrected);
	EXPECT_STREQ("engine0", blocks[1].name);
	EXPECT_EQ((__u32)ACCEL_BLOCK_ENGINE, blocks[1].kind);
	EXPECT_EQ(2ULL, blocks[1].uncorrected);
	EXPECT_EQ(0U, blocks[0].reserved | blocks[1].reserved);

	/* It began anew; then it cannot be asked. */
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_CORRECTED, 0, 3));
	ASSERT_EQ(2, array(self->monitor, ACCEL_INFO_ERRORS, blocks, sizeof(blocks)));
	EXPECT_EQ(10ULL, blocks[0].corrected);
	ASSERT_EQ(0, lose(self->fd, ACCEL_FAKE_UNCORRECTED, 0));
	ASSERT_EQ(2, array(self->fd, ACCEL_INFO_ERRORS, blocks, sizeof(blocks)));
	EXPECT_EQ(10ULL, blocks[0].corrected);
}

TEST_F(telemetry, throttling_is_counted_by_reasons)
{
	struct accel_info_throttle reasons[3];
	__s64 start = now_ns();

	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_THROTTLE, 0, 1));
	sleep_ms(20);
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_THROTTLE, 0, 3));
	sleep_ms(20);
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_THROTTLE, 0, 2));
	ASSERT_EQ(2, array(self->monitor, ACCEL_INFO_THROTTLE, reasons, sizeof(reasons)));
	EXPECT_STREQ("die", reasons[0].name);
	EXPECT_EQ((__u32)ACCEL_THROTTLE_TEMPERATURE, reasons[0].reason);
	EXPECT_EQ(0U, reasons[0].flags);
	EXPECT_EQ(1ULL, reasons[0].count);
	EXPECT_LE(40ULL * NSEC_PER_MSEC, reasons[0].time_ns);
	EXPECT_GE((__u64)(now_ns() - start), reasons[0].time_ns);
	EXPECT_STREQ("power", reasons[1].name);
	EXPECT_EQ((__u32)ACCEL_THROTTLE_POWER, reasons[1].reason);
	EXPECT_EQ((__u32)ACCEL_THROTTLE_ACTIVE, reasons[1].flags);
	EXPECT_EQ(1ULL, reasons[1].count);
	EXPECT_LE(20ULL * NSEC_PER_MSEC, reasons[1].time_ns);

	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_THROTTLE, 0, 0));
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_THROTTLE, 0, 1));
	ASSERT_EQ(2, array(self->fd, ACCEL_INFO_THROTTLE, reasons, sizeof(reasons)));
	EXPECT_EQ(2ULL, reasons[0].count);
	EXPECT_EQ((__u32)ACCEL_THROTTLE_ACTIVE, reasons[0].flags);
	EXPECT_EQ(0U, reasons[1].flags);
}

TEST_F(telemetry, bad_rows_and_spares_are_listed)
{
	static const __u32 states[] = { ACCEL_ROW_PENDING, ACCEL_ROW_RETIRED, ACCEL_ROW_STUCK,
					ACCEL_ROW_PENDING };
	struct accel_info_row rows[ARRAY_SIZE(states) + 1];
	struct accel_info_spares spares;

	ASSERT_EQ(0, array(self->monitor, ACCEL_INFO_ROWS, rows, sizeof(rows)));
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_ROWS, 0, ARRAY_SIZE(states)));
	ASSERT_EQ((int)ARRAY_SIZE(states),
		  array(self->monitor, ACCEL_INFO_ROWS, rows, sizeof(rows)));
	for (unsigned int i = 0; i < ARRAY_SIZE(states); i++) {
		EXPECT_EQ(i << 13, rows[i].address);
		EXPECT_EQ(1U, rows[i].region);
		EXPECT_EQ(states[i], rows[i].state);
		EXPECT_EQ(0U, rows[i].reserved);
	}
	EXPECT_EQ((__u32)ACCEL_ROW_UNCORRECTED, rows[0].cause);
	EXPECT_EQ((__u32)ACCEL_ROW_CORRECTED, rows[1].cause);
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_SPARES, &spares, sizeof(spares)));
	EXPECT_EQ(2U, spares.pending);
	EXPECT_EQ(1U, spares.retired);
	EXPECT_EQ(1U, spares.stuck);
	EXPECT_EQ(16U, spares.spares);

	ASSERT_EQ(0, lose(self->fd, ACCEL_FAKE_ROWS, 0));
	EXPECT_EQ(-EAGAIN, array(self->monitor, ACCEL_INFO_ROWS, rows, sizeof(rows)));
	EXPECT_EQ(-EAGAIN, info(self->fd, ACCEL_INFO_SPARES, &spares, sizeof(spares)));
}

TEST_F(telemetry, firmware_says_its_version)
{
	struct accel_info_firmware firmware[2];

	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_RESTARTS, 0, 5));
	ASSERT_EQ(1, array(self->monitor, ACCEL_INFO_FIRMWARE, firmware, sizeof(firmware)));
	EXPECT_STREQ("fake", firmware[0].name);
	EXPECT_STREQ("1.2.3", firmware[0].version);
	EXPECT_EQ((__u32)(ACCEL_FIRMWARE_RUNNING | ACCEL_FIRMWARE_KNOWN), firmware[0].flags);
	EXPECT_EQ(5ULL, firmware[0].restarts);
}

TEST_F(telemetry, all_of_it_outlives_a_reset)
{
	struct accel_info_errors blocks[2];
	struct accel_info_throttle reasons[2];

	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_THROTTLE, 0, 1));
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_CORRECTED, 0, 9));
	ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_SENSOR, ENERGY, 1000));
	ASSERT_EQ(-ETIME, run(self->fd, ACCEL_FAKE_HANG, 0, NULL));
	ASSERT_EQ(2, array(self->monitor, ACCEL_INFO_ERRORS, blocks, sizeof(blocks)));
	EXPECT_EQ(9ULL, blocks[0].corrected);
	ASSERT_EQ(2, array(self->monitor, ACCEL_INFO_THROTTLE, reasons, sizeof(reasons)));
	EXPECT_EQ((__u32)ACCEL_THROTTLE_ACTIVE, reasons[0].flags);
	EXPECT_EQ(1000, sensor(self->monitor, ENERGY).value);
}

TEST_F(telemetry, hwmon_has_the_same)
{
	static const struct {
		const char *file, *text;
	} files[] = {
		{ "name", "accel_fake" },
		{ "temp1_input", "1000" }, { "temp1_label", "die" }, { "temp1_max", "95000" },
		{ "temp1_crit", "105000" }, { "in0_input", "1001" }, { "in0_label", "core" },
		{ "curr1_input", "1002" }, { "curr1_label", "rail" }, { "curr1_max", "20000" },
		{ "power1_input", "1003" }, { "power1_label", "board" },
		{ "power1_max", "75000000" }, { "energy1_input", "1004" },
		{ "energy1_label", "board energy" }, { "freq1_input", "1005" },
		{ "freq1_label", "engine" }, { "fan1_input", "1006" }, { "fan1_label", "fan" },
	};
	static const char *const absent[] = {
		"temp2_input", "in0_max", "in0_crit", "in1_input", "curr1_crit", "power1_crit",
		"energy1_max", "fan1_max", "freq2_input", "temp1_min",
	};
	char folder[128], text[HWMON_TEXT];

	for (int i = 0; i < SENSORS; i++)
		ASSERT_EQ(0, set(self->fd, ACCEL_FAKE_SENSOR, i, 1000 + i));
	ASSERT_EQ(0, find_hwmon(self->index, folder));
	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		ASSERT_EQ(0, read_hwmon(folder, files[i].file, text))
			TH_LOG("%s", files[i].file);
		EXPECT_STREQ(files[i].text, text)
			TH_LOG("%s", files[i].file);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(absent); i++) {
		EXPECT_EQ(-ENOENT, read_hwmon(folder, absent[i], text))
			TH_LOG("%s", absent[i]);
	}
}

TEST_F(telemetry, hwmon_says_when_it_does_not_know)
{
	char folder[128], path[192], text[64];
	int file;

	ASSERT_EQ(0, find_hwmon(self->index, folder));
	snprintf(path, sizeof(path), "%s/temp1_input", folder);
	file = open(path, O_RDONLY);
	ASSERT_LE(0, file);
	EXPECT_LT(0, read(file, text, sizeof(text)));
	ASSERT_EQ(0, lose(self->fd, ACCEL_FAKE_SENSOR, DIE));
	EXPECT_EQ(-1, pread(file, text, sizeof(text), 0));
	EXPECT_EQ(ENODATA, errno);
	ASSERT_EQ(0, remove_fake(self->number));
	EXPECT_EQ(-1, pread(file, text, sizeof(text), 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENOENT, access(path, F_OK) ? -errno : 0);
	close(file);
}

TEST_F(telemetry, kinds_of_a_device_that_is_gone_are_enodev)
{
	char data[64];

	ASSERT_EQ(0, remove_fake(self->number));
	for (__u32 kind = ACCEL_INFO_SENSORS; kind <= ACCEL_INFO_SLEEP; kind++)
		EXPECT_EQ(-ENODEV, info(self->monitor, kind, data, sizeof(data)));
}

TEST_HARNESS_MAIN
