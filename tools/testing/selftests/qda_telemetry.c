// SPDX-License-Identifier: GPL-2.0
/* What INFO, hwmon and events tell of a card is what its model knows. */
#include "hwmon.h"
#include "monitor.h"
#include "qda.h"
#include "viewer.h"

#define SENSORS		6	/* those of the card, and energy */
#define BLOCKS		12
#define ROW_SIZE	8192
#define TEXT		HOST_ANSWER
#define FW_EXCEPTION	9ULL	/* FW_ERROR */

/* Sensors of the card; then energy, which is none of its sensors. */
enum { DIE, MEMORY, BOARD, CORE, ENGINE, ENERGY };

/* RAS blocks. */
enum { BLOCK_MEMORY = 0, BLOCK_COPY0 = 2, BLOCK_COLLECTIVE = 6, BLOCK_PCI = 9, BLOCK_LINK0 = 10 };

FIXTURE(telemetry)
{
	int index;
	int monitor;
};

FIXTURE_SETUP(telemetry)
{
	self->index = qda_index(0);
	self->monitor = open_reader(self->index);
	ASSERT_LE(0, self->monitor);
	read_all(self->monitor);
}

FIXTURE_TEARDOWN(telemetry)
{
	close(self->monitor);
}

/* Asks the model for a chapter of what it knows; returns the text behind "ok ". */
static const char *model(const char *chapter, char text[TEXT])
{
	char command[64];

	snprintf(command, sizeof(command), "model qda0 telemetry %s", chapter);
	if (!ask_host(command, text) || strncmp(text, "ok ", 3))
		return "";
	return text + 3;
}

static struct accel_info_sensor sensor(int fd, int number)
{
	struct accel_info_sensor sensors[SENSORS] = { 0 };

	array(fd, ACCEL_INFO_SENSORS, sensors, sizeof(sensors));
	return sensors[number];
}

/* Waits until a sensor measures @value, as the next reading may. */
static bool becomes(int fd, int number, __s64 value)
{
	__s64 end = now_ns() + SLACK_NS;

	while (sensor(fd, number).value != value && now_ns() < end)
		sleep_ms(10);
	return sensor(fd, number).value == value;
}

TEST_F(telemetry, sensors_agree)
{
	static const struct {
		const char *label;
		__u32 kind;
		__s64 unit, high, critical;
		const char *hwmon;
	} expected[SENSORS - 1] = {
		{ "die", ACCEL_SENSOR_TEMPERATURE, 1, 95000, 105000, "temp1_input" },
		{ "memory", ACCEL_SENSOR_TEMPERATURE, 1, 90000, 100000, "temp2_input" },
		{ "board", ACCEL_SENSOR_POWER, 1000, 150000000, 0, "power1_input" },
		{ "core", ACCEL_SENSOR_VOLTAGE, 1, 0, 0, "in0_input" },
		{ "engine", ACCEL_SENSOR_FREQUENCY, 1000000, 0, 0, "freq1_input" },
	};
	struct accel_info_sensor sensors[SENSORS + 1];
	char text[TEXT], folder[128], file[HWMON_TEXT];
	const char *at;

	ASSERT_TRUE(host("model qda0 thermal 0 71500"));
	ASSERT_TRUE(host("model qda0 thermal 2 88123"));
	ASSERT_TRUE(becomes(self->monitor, DIE, 71500));
	ASSERT_TRUE(becomes(self->monitor, BOARD, 88123000));
	ASSERT_EQ(SENSORS, array(self->monitor, ACCEL_INFO_SENSORS, sensors, sizeof(sensors)));
	ASSERT_EQ(0, find_hwmon(self->index, folder));
	at = model("sensors", text);
	for (int i = 0; i < SENSORS - 1; i++) {
		int length = 0;
		__s64 value;

		ASSERT_TRUE(sscanf(at, "%lld%n", &value, &length) == 1);
		at += length;
		EXPECT_STREQ(expected[i].label, sensors[i].label);
		EXPECT_EQ(expected[i].kind, sensors[i].kind);
		EXPECT_EQ(expected[i].high, sensors[i].high);
		EXPECT_EQ(expected[i].critical, sensors[i].critical);
		EXPECT_TRUE(sensors[i].flags & ACCEL_SENSOR_VALUE);
		EXPECT_EQ(value * expected[i].unit, sensors[i].value);
		ASSERT_EQ(0, read_hwmon(folder, expected[i].hwmon, file));
		EXPECT_EQ(value * expected[i].unit, atoll(file));
	}
	ASSERT_TRUE(host("model qda0 thermal 0 off"));
	ASSERT_TRUE(host("model qda0 thermal 2 off"));
	EXPECT_TRUE(becomes(self->monitor, DIE, 45000));
}

TEST_F(telemetry, energy_agrees)
{
	unsigned long long before, after;
	char text[TEXT], folder[128], file[HWMON_TEXT];
	struct accel_info_sensor energy;

	ASSERT_TRUE(sscanf(model("power", text), "%*u %llu", &before) == 1);
	energy = sensor(self->monitor, ENERGY);
	ASSERT_EQ(0, find_hwmon(self->index, folder));
	ASSERT_EQ(0, read_hwmon(folder, "energy1_input", file));
	ASSERT_TRUE(sscanf(model("power", text), "%*u %llu", &after) == 1);
	EXPECT_EQ((__u32)ACCEL_SENSOR_ENERGY, energy.kind);
	EXPECT_LE((__s64)before, energy.value);
	EXPECT_LE(energy.value, atoll(file));
	EXPECT_GE((__s64)after, atoll(file));
}

static struct accel_info_throttle reason(int fd, int number)
{
	struct accel_info_throttle reasons[4] = { 0 };

	array(fd, ACCEL_INFO_THROTTLE, reasons, sizeof(reasons));
	return reasons[number];
}

/* Waits until a reason is active, or is not. */
static bool becomes_active(int fd, int number, bool active)
{
	__s64 end = now_ns() + SLACK_NS;

	while (reason(fd, number).flags != active && now_ns() < end)
		sleep_ms(10);
	return reason(fd, number).flags == active;
}

TEST_F(telemetry, throttling_agrees)
{
	static const char *const names[] = { "die", "memory", "power", "brake" };
	__u64 count = reason(self->monitor, 3).count, ns = reason(self->monitor, 3).time_ns;
	char text[TEXT];

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_STREQ(names[i], reason(self->monitor, i).name);
	ASSERT_TRUE(host("model qda0 brake on"));
	ASSERT_TRUE(becomes_active(self->monitor, 3, true));
	EXPECT_EQ(8, atoi(model("power", text)));
	ASSERT_TRUE(host("model qda0 thermal 1 95000"));
	ASSERT_TRUE(becomes_active(self->monitor, 1, true));
	EXPECT_EQ(10, atoi(model("power", text)));
	ASSERT_TRUE(host("model qda0 thermal 1 off"));
	ASSERT_TRUE(host("model qda0 brake off"));
	ASSERT_TRUE(becomes_active(self->monitor, 3, false));
	ASSERT_TRUE(becomes_active(self->monitor, 1, false));
	EXPECT_EQ(count + 1, reason(self->monitor, 3).count);
	EXPECT_LT(ns, reason(self->monitor, 3).time_ns);
	EXPECT_EQ(0, atoi(model("power", text)));
}

/* Compares all blocks with what the model has counted. */
static bool errors_agree(int fd)
{
	struct accel_info_errors blocks[BLOCKS];
	char text[TEXT];
	const char *at = model("errors", text);

	if (array(fd, ACCEL_INFO_ERRORS, blocks, sizeof(blocks)) != BLOCKS)
		return false;
	for (int i = 0; i < BLOCKS; i++) {
		unsigned long long corrected, uncorrected;
		int length = 0;

		if (sscanf(at, "%llu:%llu%n", &corrected, &uncorrected, &length) != 2)
			return false;
		at += length;
		if (blocks[i].corrected != corrected || blocks[i].uncorrected != uncorrected)
			return false;
	}
	return true;
}

static struct accel_info_errors block(int fd, int number)
{
	struct accel_info_errors blocks[BLOCKS] = { 0 };

	array(fd, ACCEL_INFO_ERRORS, blocks, sizeof(blocks));
	return blocks[number];
}

TEST_F(telemetry, errors_agree_block_by_block)
{
	__u64 before = block(self->monitor, BLOCK_COPY0).corrected;
	struct accel_event event;

	EXPECT_STREQ("memory", block(self->monitor, BLOCK_MEMORY).name);
	EXPECT_STREQ("copy0", block(self->monitor, BLOCK_COPY0).name);
	EXPECT_STREQ("collective", block(self->monitor, BLOCK_COLLECTIVE).name);
	EXPECT_STREQ("pci", block(self->monitor, BLOCK_PCI).name);
	EXPECT_STREQ("link0", block(self->monitor, BLOCK_LINK0).name);
	EXPECT_EQ((__u32)ACCEL_BLOCK_BUS, block(self->monitor, BLOCK_PCI).kind);
	ASSERT_TRUE(host("model qda0 corrected 2"));
	ASSERT_TRUE(host("model qda0 corrected 9"));
	ASSERT_TRUE(host("model qda0 uncorrected 3"));
	EXPECT_TRUE(errors_agree(self->monitor));
	EXPECT_EQ(before + 1, block(self->monitor, BLOCK_COPY0).corrected);
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_ERROR, &event));
	EXPECT_EQ((__u64)BLOCK_COPY0, event.data[0]);
	EXPECT_EQ((__u32)ACCEL_SEVERITY_WARNING, event.severity);
	/* They outlive a reset of the card. */
	ASSERT_EQ(0, reset_device(self->index));
	EXPECT_TRUE(errors_agree(self->monitor));
	EXPECT_EQ(before + 1, block(self->monitor, BLOCK_COPY0).corrected);
}

TEST_F(telemetry, too_many_errors_isolate_the_card)
{
	struct accel_event event;
	char limit[96];

	snprintf(limit, sizeof(limit), "/sys/class/accel/accel%d/error_limits/uncorrected",
		 self->index);
	ASSERT_EQ(0, write_file(limit, "1"));
	ASSERT_TRUE(host("model qda0 uncorrected 3"));
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_ERROR, &event));
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status_of(self->monitor).health);
	ASSERT_TRUE(host("model qda0 uncorrected 3"));
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_LIMIT, &event));
	EXPECT_EQ((__u32)ACCEL_SEVERITY_FATAL, event.severity);
	EXPECT_EQ(2ULL, event.data[1]);
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_HEALTH, &event));
	EXPECT_EQ((__u64)ACCEL_HEALTH_ISOLATED, event.data[0]);
	ASSERT_EQ(0, write_file(limit, "0"));
	EXPECT_EQ((__u32)ACCEL_HEALTH_ISOLATED, status_of(self->monitor).health);
	ASSERT_EQ(0, isolate_device(self->index, "0"));
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status_of(self->monitor).health);
}

/* Compares the rows and spares with those of the model. */
static bool rows_agree(int fd)
{
	struct accel_info_row rows[32];
	struct accel_info_spares spares;
	int count = array(fd, ACCEL_INFO_ROWS, rows, sizeof(rows)), length;
	unsigned int left;
	char text[TEXT];
	const char *at = model("rows", text);

	if (info(fd, ACCEL_INFO_SPARES, &spares, sizeof(spares)) ||
	    sscanf(at, "%u%n", &left, &length) != 1 || left != spares.spares ||
	    count != (int)(spares.pending + spares.retired + spares.stuck))
		return false;
	at += length;
	for (int i = 0; i < count; i++) {
		unsigned int cause, state;
		unsigned long long address;

		if (sscanf(at, " %llx:%u:%u%n", &address, &cause, &state, &length) != 3)
			return false;
		at += length;
		if (rows[i].address != address || rows[i].cause != cause ||
		    rows[i].state != state || rows[i].region != LOCAL)
			return false;
	}
	return true;
}

static struct accel_info_spares spares_of(int fd)
{
	struct accel_info_spares spares = { 0 };

	info(fd, ACCEL_INFO_SPARES, &spares, sizeof(spares));
	return spares;
}

TEST_F(telemetry, bad_rows_agree_and_are_retired_by_a_reset)
{
	struct accel_info_spares before = spares_of(self->monitor), after;
	char command[64];

	EXPECT_TRUE(rows_agree(self->monitor));
	/* More than one answer of the firmware has; each row anew in each run. */
	for (int i = 0; i < 4; i++) {
		unsigned int row = before.pending + before.retired + i;

		snprintf(command, sizeof(command), "model qda0 uncorrected 0 0x%x",
			 0x100000 + row * ROW_SIZE);
		ASSERT_TRUE(host(command));
	}
	EXPECT_TRUE(rows_agree(self->monitor));
	after = spares_of(self->monitor);
	EXPECT_EQ(before.pending + 4, after.pending);
	EXPECT_EQ(before.spares - 4, after.spares);
	ASSERT_EQ(0, reset_device(self->index));
	EXPECT_TRUE(rows_agree(self->monitor));
	EXPECT_EQ(0U, spares_of(self->monitor).pending);
	EXPECT_EQ(before.retired + before.pending + 4, spares_of(self->monitor).retired);
}

TEST_F(telemetry, links_agree)
{
	struct accel_info_link links[2];
	char text[TEXT];
	const char *at;

	ASSERT_TRUE(becomes_up(self->monitor, 0));
	ASSERT_EQ(2, array(self->monitor, ACCEL_INFO_LINKS, links, sizeof(links)));
	at = model("links", text);
	for (int i = 0; i < 2; i++) {
		unsigned long long sent, received, errors, replays, losses;
		int length = 0;

		ASSERT_TRUE(sscanf(at, " %*u:%llu:%llu:%llu:%llu:%llu%n", &sent, &received,
				   &errors, &replays, &losses, &length) == 5);
		at += length;
		EXPECT_EQ(sent, links[i].sent);
		EXPECT_EQ(received, links[i].received);
		EXPECT_EQ(errors, links[i].errors);
		EXPECT_EQ(replays, links[i].replays);
		EXPECT_EQ(losses, links[i].losses);
	}
}

TEST_F(telemetry, nobody_learns_of_clients_of_others)
{
	const __u64 happens = 1ULL << ACCEL_EVENT_CLIENT | 1ULL << ACCEL_EVENT_FAULT |
			      1ULL << ACCEL_EVENT_ERROR | 1ULL << ACCEL_EVENT_THROTTLE;
	int nobody = open_as_nobody(self->index), fd;
	__u32 space, queue;

	ASSERT_LE(0, nobody);
	forget_events(self->monitor, nobody);
	fd = open_compute(self->index);
	ASSERT_LE(0, fd);
	space = create_space(fd);
	queue = create_queue_in(fd, space);
	ASSERT_EQ(0, run_packet(fd, queue, nop(), NULL));
	compare_info(_metadata, self->monitor, nobody, 1);
	/* Nothing is mapped there. */
	ASSERT_NE(0, run_packet(fd, queue, fill(0x10000, PAGE, 1), NULL));
	ASSERT_TRUE(host("model qda0 corrected 2"));
	ASSERT_TRUE(host("model qda0 brake on"));
	ASSERT_TRUE(becomes_active(self->monitor, 3, true));
	ASSERT_TRUE(host("model qda0 brake off"));
	ASSERT_TRUE(becomes_active(self->monitor, 3, false));
	EXPECT_EQ(happens, happens & compare_events(_metadata, self->monitor, nobody));
	compare_event_kinds(_metadata, nobody);
	close(fd);
	close(nobody);
}

#define RUNS	((__u32)(ACCEL_FIRMWARE_RUNNING | ACCEL_FIRMWARE_KNOWN))

static struct accel_info_firmware firmware(int fd)
{
	struct accel_info_firmware firmware = { 0 };

	array(fd, ACCEL_INFO_FIRMWARE, &firmware, sizeof(firmware));
	return firmware;
}

TEST_F_TIMEOUT(telemetry, firmware_agrees_and_its_deaths_count, 60)
{
	__u64 restarts = firmware(self->monitor).restarts;
	struct accel_event event;
	unsigned int version;
	__s64 end = now_ns() + REVIVED_NS;
	char text[TEXT], expected[32];

	ASSERT_TRUE(sscanf(model("firmware", text), "%*u %u", &version) == 1);
	snprintf(expected, sizeof(expected), "%u.%u.%u", version >> 24, version >> 16 & 0xff,
		 version & 0xffff);
	EXPECT_STREQ("management", firmware(self->monitor).name);
	EXPECT_STREQ(expected, firmware(self->monitor).version);
	EXPECT_EQ(RUNS, firmware(self->monitor).flags);
	ASSERT_TRUE(host("model qda0 firmware-crash"));
	while (firmware(self->monitor).restarts == restarts && now_ns() < end)
		sleep_ms(20);
	EXPECT_EQ(restarts + 1, firmware(self->monitor).restarts);
	EXPECT_EQ(RUNS, firmware(self->monitor).flags);
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_FIRMWARE, &event));
	EXPECT_EQ(FW_EXCEPTION, event.data[0]);
	EXPECT_EQ((__u32)ACCEL_SEVERITY_ERROR, event.severity);
	ASSERT_EQ(0, wait_event(self->monitor, ACCEL_EVENT_FIRMWARE, &event));
	EXPECT_EQ(0ULL, event.data[0]);
	EXPECT_TRUE(becomes(self->monitor, DIE, 45000));
}

TEST_HARNESS_MAIN
