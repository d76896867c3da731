// SPDX-License-Identifier: GPL-2.0
/* accel_qda: cards sleep with the system, or when nobody uses them, and lose nothing. */
#include "hwmon.h"
#include "monitor.h"
#include "power.h"
#include "qda_fixture.h"
#include "user_queue.h"

#define CHUNKS		16U
#define CHUNK		(SIZE / CHUNKS)

/* What a byte of device memory is. */
static unsigned char pattern(size_t at)
{
	return at * 31 + (at >> 8) * 7;
}

/* Besides what a card has: a user queue, and something in its memory. */
static int set_up(FIXTURE_DATA(card) *self, struct user_queue *user)
{
	for (size_t i = 0; i < SIZE; i++)
		self->local_bytes[i] = pattern(i);
	memset(self->host_bytes, 0, SIZE);
	return open_user_queue(self->fd, self->space, 0, user);
}

/* Device memory is what it was, to the CPU and to a job. */
static bool has_kept_memory(FIXTURE_DATA(card) *self)
{
	memset(self->host_bytes, 0, SIZE);
	if (run_packet(self->fd, self->queue, move(self->at_local, self->at_host, SIZE), NULL))
		return false;
	for (size_t i = 0; i < SIZE; i++)
		if (self->local_bytes[i] != pattern(i) || self->host_bytes[i] != pattern(i))
			return false;
	return true;
}

static bool works(FIXTURE_DATA(card) *self, struct user_queue *user)
{
	return !execute(user, fill(self->at_host, SIZE, 0x55555555)) &&
	       all_bytes(self->host_bytes, 0x55, SIZE);
}

/* How it has slept; as if it had never, if that cannot be said. */
static struct accel_info_sleep sleep_of(int fd)
{
	struct accel_info_sleep sleep = { .count = 0 };

	info(fd, ACCEL_INFO_SLEEP, &sleep, sizeof(sleep));
	return sleep;
}

/* The system sleeps, and so does the card, once, and forgets nothing. */
static void sleep_and_wake(struct __test_metadata *_metadata, FIXTURE_DATA(card) *self,
			   const char *level)
{
	struct accel_info_status before = status_of(self->fd);
	__u64 slept = sleep_of(self->fd).count;
	long sleeps = qda_state(0, "sleeps");
	struct user_queue user;

	ASSERT_EQ(0, set_up(self, &user));
	ASSERT_EQ(0, sleep_system(level));
	EXPECT_EQ(slept + 1, sleep_of(self->fd).count);
	EXPECT_EQ(0ULL, sleep_of(self->fd).since_ns);
	EXPECT_EQ(sleeps + 1, qda_state(0, "sleeps"));
	EXPECT_EQ(before.epoch, status_of(self->fd).epoch);
	EXPECT_EQ(before.resets, status_of(self->fd).resets);
	EXPECT_TRUE(has_kept_memory(self));
	EXPECT_TRUE(works(self, &user));
	close_user_queue(&user);
}

TEST_F_TIMEOUT(card, sleep_keeps_all, 120)
{
	sleep_and_wake(_metadata, self, SUSPENDED);
	EXPECT_TRUE(becomes_up(self->fd, 0));
}

TEST_F_TIMEOUT(card, d3hot_keeps_all, 120)
{
	sleep_and_wake(_metadata, self, IN_D3);
}

TEST_F_TIMEOUT(card, jobs_and_packets_go_on_afterwards, 120)
{
	long sleeps = qda_state(0, "sleeps");
	struct user_queue user;
	__s64 last = 0;

	ASSERT_EQ(0, set_up(self, &user));
	ASSERT_TRUE(qda_model(0, "slow 40"));
	for (unsigned int i = 0; i < CHUNKS; i++) {
		struct accel_qda_packet packet = move(self->at_local + i * CHUNK,
						      self->at_host + i * CHUNK, CHUNK);

		if (i % 2) {
			write_packet(&user, packet);
			continue;
		}
		last = submit_packets(self->fd, self->queue, &packet, 1);
		ASSERT_LT(0, last);
	}
	ring(&user);
	ASSERT_EQ(0, sleep_system(SUSPENDED));
	EXPECT_EQ(sleeps + 1, qda_state(0, "sleeps"));
	EXPECT_EQ(0U, query_user_queue(self->fd, user.handle).suspensions);
	EXPECT_EQ(0, wait_in(self->fd, self->queue, last, FOREVER, NULL));
	EXPECT_EQ(0, finish(&user));
	EXPECT_EQ(0, memcmp(self->host_bytes, self->local_bytes, SIZE));
	EXPECT_TRUE(qda_model(0, "slow 0"));
	close_user_queue(&user);
}

TEST_F_TIMEOUT(card, where_memory_would_be_lost_the_system_stays_awake, 120)
{
	long sleeps = qda_state(0, "sleeps");
	struct user_queue user;

	ASSERT_EQ(0, set_up(self, &user));
	ASSERT_EQ(0, write_file("/sys/power/mem_sleep", "deep"));
	EXPECT_EQ(-EBUSY, sleep_to(SUSPENDED, "mem"));
	EXPECT_EQ(sleeps, qda_state(0, "sleeps"));
	EXPECT_TRUE(has_kept_memory(self));
	EXPECT_TRUE(works(self, &user));
	close_user_queue(&user);
}

TEST_F_TIMEOUT(card, one_that_does_not_wake_is_reset, 120)
{
	struct accel_info_status before = status_of(self->fd);
	struct user_queue user;

	ASSERT_EQ(0, set_up(self, &user));
	ASSERT_TRUE(qda_model(0, "boot-hang 8"));
	ASSERT_EQ(0, sleep_system(SUSPENDED));
	EXPECT_EQ(before.epoch + 1, status_of(self->fd).epoch);
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status_of(self->fd).health);
	EXPECT_TRUE(has_kept_memory(self));
	/* That ends user queues, and nothing else. */
	EXPECT_EQ((__u32)ACCEL_USER_QUEUE_FAILED,
		  query_user_queue(self->fd, user.handle).state);
	close_user_queue(&user);
}

TEST_F_TIMEOUT(card, one_that_is_given_up_stays_so, 120)
{
	struct accel_info_device device;
	char reset[64];

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	snprintf(reset, sizeof(reset), "/sys/bus/pci/devices/%.20s/reset", device.address);
	ASSERT_TRUE(qda_model(0, "boot-hang 8"));
	ASSERT_TRUE(qda_model(0, "device-reset-fails on"));
	ASSERT_EQ(0, sleep_system(SUSPENDED));
	EXPECT_EQ((__u32)ACCEL_HEALTH_WEDGED, status_of(self->fd).health);
	EXPECT_EQ(-EIO, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_TRUE(qda_model(0, "device-reset-fails off"));
	ASSERT_EQ(0, sleep_system(SUSPENDED));
	EXPECT_EQ((__u32)ACCEL_HEALTH_WEDGED, status_of(self->fd).health);
	/* As WEDGED= has said. */
	ASSERT_EQ(0, bind_qda(device.address, "unbind"));
	ASSERT_EQ(0, write_file(reset, "1"));
	ASSERT_EQ(0, bind_qda(device.address, "bind"));
}

TEST_F_TIMEOUT(card, a_job_that_hangs_ends_before_it, 120)
{
	struct accel_job_status status;
	struct accel_qda_packet packet = nop();
	__s64 hung, behind;

	ASSERT_EQ(0, limit_jobs(self->index, 100));
	ASSERT_TRUE(qda_model(0, "hang on"));
	hung = submit_packets(self->fd, self->queue, &packet, 1);
	behind = submit_packets(self->fd, self->queue, &packet, 1);
	ASSERT_LT(0, hung);
	ASSERT_LT(0, behind);
	ASSERT_EQ(0, sleep_system(SUSPENDED));
	EXPECT_EQ(-ETIME, wait_in(self->fd, self->queue, hung, 0, &status));
	EXPECT_EQ((__u32)ACCEL_FAULT_TIMEOUT, status.fault);
	ASSERT_TRUE(qda_model(0, "hang off"));
	wait_in(self->fd, self->queue, behind, FOREVER, NULL);
	EXPECT_EQ(0, run_packet(self->fd, self->queue, nop(), NULL));
	EXPECT_EQ(0, limit_jobs(self->index, 0));
}

TEST_F_TIMEOUT(card, without_firmware_the_system_stays_awake, 120)
{
	__u32 before = restarts(self->fd);
	struct user_queue user;

	ASSERT_EQ(0, set_up(self, &user));
	ASSERT_TRUE(qda_model(0, "firmware-silence"));
	EXPECT_GT(0, sleep_system(SUSPENDED));
	EXPECT_TRUE(has_kept_memory(self));
	EXPECT_TRUE(works(self, &user));
	close_user_queue(&user);
	EXPECT_TRUE(is_revived(self->fd, before));
	sleep_and_wake(_metadata, self, SUSPENDED);
}

/* A card that may doze, with nothing mapped in user space: what is mapped keeps it awake. */
FIXTURE(idle)
{
	int fd, monitor, index;
	__u32 space, queue;
	struct accel_buffer_create local, host;
	unsigned char *bytes;
	__u64 at_local, at_host;
	char power[64];
	long sleeps;
};

FIXTURE_SETUP(idle)
{
	struct accel_info_device device;

	self->index = qda_index(0);
	self->fd = open_qda(0);
	ASSERT_LE(0, self->fd);
	self->monitor = open_monitor(self->index);
	self->space = create_space(self->fd);
	self->queue = create_queue_in(self->fd, self->space);
	ASSERT_LT(0, (__s32)self->queue);
	ASSERT_EQ(0, create_in(self->fd, LOCAL, SIZE, 0, &self->local));
	self->bytes = create_mapped(self->fd, SIZE, &self->host);
	ASSERT_NE(MAP_FAILED, (void *)self->bytes);
	self->at_local = map_anywhere(self->fd, self->space, self->local.handle, 0, SIZE,
				      READ_WRITE);
	self->at_host = map_anywhere(self->fd, self->space, self->host.handle, 0, SIZE, READ_WRITE);
	for (size_t i = 0; i < SIZE; i++)
		self->bytes[i] = pattern(i);
	ASSERT_EQ(0, run_packet(self->fd, self->queue, move(self->at_host, self->at_local, SIZE),
				NULL));
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	snprintf(self->power, sizeof(self->power), "%.20s", device.address);
	self->sleeps = qda_state(0, "sleeps");
	ASSERT_EQ(0, let_doze(self->power));
	EXPECT_TRUE(dozes(self->power));
	EXPECT_LE(self->sleeps + 1, qda_state(0, "sleeps"));
}

FIXTURE_TEARDOWN(idle)
{
	keep_awake(self->power);
	munmap(self->bytes, SIZE);
	close(self->monitor);
	close(self->fd);
}

static bool is_intact(FIXTURE_DATA(idle) *self)
{
	memset(self->bytes, 0, SIZE);
	if (run_packet(self->fd, self->queue, move(self->at_local, self->at_host, SIZE), NULL))
		return false;
	for (size_t i = 0; i < SIZE; i++)
		if (self->bytes[i] != pattern(i))
			return false;
	return true;
}

TEST_F_TIMEOUT(idle, a_job_wakes_it, 60)
{
	struct accel_info_status before = status_of(self->fd);

	for (int i = 0; i < times(20) / 4 + 1; i++) {
		EXPECT_TRUE(is_intact(self));
		EXPECT_TRUE(dozes(self->power));
	}
	EXPECT_EQ(before.epoch, status_of(self->fd).epoch);
	EXPECT_EQ(before.resets, status_of(self->fd).resets);
}

TEST_F_TIMEOUT(idle, its_sleep_is_counted, 60)
{
	const int known = qda_state(0, "sleeps");
	struct accel_info_sleep asleep = sleep_of(self->monitor), later, awake, again;
	const __u64 now = now_ns();

	ASSERT_LT(0ULL, asleep.count);
	EXPECT_LT(0ULL, asleep.since_ns);
	EXPECT_GE(now, asleep.since_ns);
	EXPECT_LT(0ULL, asleep.asleep_ns);
	sleep_ms(20);
	later = sleep_of(self->monitor);
	EXPECT_EQ(asleep.since_ns, later.since_ns);
	EXPECT_LE(asleep.asleep_ns + 20000000, later.asleep_ns);
	EXPECT_TRUE(is_in(self->power, "suspended"));
	/* A job wakes it. */
	EXPECT_TRUE(is_intact(self));
	keep_awake(self->power);
	awake = sleep_of(self->monitor);
	EXPECT_EQ(0ULL, awake.since_ns);
	EXPECT_LE(later.asleep_ns, awake.asleep_ns);
	sleep_ms(20);
	EXPECT_EQ(awake.asleep_ns, sleep_of(self->monitor).asleep_ns);
	ASSERT_EQ(0, let_doze(self->power));
	ASSERT_TRUE(dozes(self->power));
	again = sleep_of(self->monitor);
	EXPECT_LT(awake.count, again.count);
	/* The model has counted what it was told. */
	EXPECT_EQ((__u64)(qda_state(0, "sleeps") - known), again.count - asleep.count);
}

TEST_F_TIMEOUT(idle, monitors_do_not_wake_it, 60)
{
	struct accel_info_device device;
	struct accel_info_link links[MOST_LINKS];
	struct accel_info_engine engines[5];
	struct accel_info_qda qda;

	EXPECT_EQ(0, info(self->monitor, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	EXPECT_EQ(0, info(self->monitor, ACCEL_INFO_ENGINES, engines, sizeof(engines)));
	EXPECT_EQ(0, info(self->monitor, ACCEL_INFO_STATUS, &(struct accel_info_status){ 0 },
			  sizeof(struct accel_info_status)));
	EXPECT_EQ(-EAGAIN, info(self->monitor, ACCEL_INFO_LINKS, links, sizeof(links)));
	EXPECT_EQ(-EAGAIN, info(self->monitor, ACCEL_INFO_QDA, &qda, sizeof(qda)));
	EXPECT_TRUE(is_in(self->power, "suspended"));
	/* A client's question does. */
	EXPECT_EQ(0, info(self->fd, ACCEL_INFO_QDA, &qda, sizeof(qda)));
	EXPECT_TRUE(is_in(self->power, "active"));
	EXPECT_TRUE(dozes(self->power));
}

/* Microjoules that the card has taken, as its model knows. */
static unsigned long long energy_of_model(void)
{
	unsigned long long energy = 0;
	char text[HOST_ANSWER];

	if (!ask_host("model qda0 telemetry power", text) ||
	    sscanf(text, "ok %*u %llu", &energy) != 1)
		return 0;
	return energy;
}

/* What the sensor of a kind and label says, if it has a value; else -1. */
static __s64 sensed(int fd, __u32 kind, const char *label)
{
	struct accel_info_sensor sensors[16];
	int count = array(fd, ACCEL_INFO_SENSORS, sensors, sizeof(sensors));

	for (int i = 0; i < count; i++)
		if (sensors[i].kind == kind && !strcmp(sensors[i].label, label) &&
		    sensors[i].flags & ACCEL_SENSOR_VALUE)
			return sensors[i].value;
	return -1;
}

TEST_F_TIMEOUT(idle, its_firmware_is_known_meanwhile, 60)
{
	struct accel_info_firmware awake = { 0 }, asleep = { 0 };

	ASSERT_EQ(1, array(self->monitor, ACCEL_INFO_FIRMWARE, &awake, sizeof(awake)));
	EXPECT_NE('\0', awake.version[0]);
	keep_awake(self->power);
	ASSERT_TRUE(host("model qda0 firmware-crash"));
	ASSERT_TRUE(is_revived(self->fd, awake.restarts));
	ASSERT_EQ(0, let_doze(self->power));
	ASSERT_TRUE(dozes(self->power));
	ASSERT_EQ(1, array(self->monitor, ACCEL_INFO_FIRMWARE, &asleep, sizeof(asleep)));
	EXPECT_TRUE(is_in(self->power, "suspended"));
	EXPECT_STREQ(awake.version, asleep.version);
	EXPECT_EQ(awake.restarts + 1, asleep.restarts);
	/* Whether it runs cannot be said. */
	EXPECT_EQ(0U, asleep.flags);
}

TEST_F_TIMEOUT(idle, its_energy_is_known_meanwhile, 60)
{
	struct accel_info_qda qda;
	unsigned long long before;
	char folder[128], file[HWMON_TEXT];
	__s64 energy;

	/* Nobody asks for it from its waking to its sleep. */
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_QDA, &qda, sizeof(qda)));
	before = energy_of_model();
	ASSERT_LT(0ULL, before);
	ASSERT_TRUE(dozes(self->power));
	energy = sensed(self->monitor, ACCEL_SENSOR_ENERGY, "board");
	EXPECT_LE((__s64)before, energy);
	EXPECT_GE((__s64)energy_of_model(), energy);
	EXPECT_EQ(energy, sensed(self->monitor, ACCEL_SENSOR_ENERGY, "board"));
	EXPECT_EQ(-1, sensed(self->monitor, ACCEL_SENSOR_POWER, "board"));
	ASSERT_EQ(0, find_hwmon(self->index, folder));
	ASSERT_EQ(0, read_hwmon(folder, "energy1_input", file));
	EXPECT_EQ(energy, atoll(file));
	EXPECT_NE(0, read_hwmon(folder, "power1_input", file));
	EXPECT_EQ(0, read_hwmon(folder, "power1_max", file));
	EXPECT_TRUE(is_in(self->power, "suspended"));
	/* It goes on from there. */
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_QDA, &qda, sizeof(qda)));
	EXPECT_LT(energy, sensed(self->monitor, ACCEL_SENSOR_ENERGY, "board"));
	EXPECT_TRUE(dozes(self->power));
}

/* Whether half a second goes by; again and again it is asked whether it could sleep meanwhile. */
static bool stays_awake(const char *device)
{
	for (__s64 end = in_ms(500); now_ns() < end; sleep_ms(5))
		if (is_in(device, "suspended"))
			return false;
	return true;
}

TEST_F_TIMEOUT(idle, what_is_mapped_keeps_it_awake, 60)
{
	unsigned char *memory;
	struct accel_buffer_create visible;

	ASSERT_EQ(0, create_in(self->fd, LOCAL, PAGE, ACCEL_CREATE_VISIBLE, &visible));
	EXPECT_TRUE(dozes(self->power));
	memory = map(self->fd, &visible);
	ASSERT_NE(MAP_FAILED, (void *)memory);
	memory[0] = 0x5a;
	EXPECT_EQ(0x5a, memory[0]);
	EXPECT_TRUE(stays_awake(self->power));
	EXPECT_EQ(0x5a, memory[0]);
	munmap(memory, PAGE);
	EXPECT_TRUE(dozes(self->power));
}

TEST_F_TIMEOUT(idle, user_queues_keep_it_awake, 60)
{
	struct user_queue user;

	ASSERT_EQ(0, open_user_queue(self->fd, self->space, 0, &user));
	EXPECT_TRUE(stays_awake(self->power));
	EXPECT_EQ(0, execute(&user, fill(self->at_host, 4096, 0x55555555)));
	close_user_queue(&user);
	EXPECT_TRUE(dozes(self->power));
}

TEST_F_TIMEOUT(idle, owners_are_killed_in_its_sleep, 60)
{
	for (int i = 0; i < times(40) / 4 + 1; i++) {
		int ready[2];
		char byte;
		pid_t child;

		ASSERT_EQ(0, pipe(ready));
		child = fork();
		if (!child) {
			int fd = open_compute(self->index);
			__u32 space = create_space(fd);
			__s64 queue = create_queue_in(fd, space);

			if (run_packet(fd, queue, nop(), NULL) || write(ready[1], "", 1) != 1)
				_exit(1);
			pause();
		}
		close(ready[1]);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		EXPECT_TRUE(dozes(self->power));
		ASSERT_EQ(0, kill(child, SIGKILL));
		EXPECT_EQ(SIGKILL, death_signal(child));
		close(ready[0]);
		/* What it had is given back, for which the card is woken. */
		EXPECT_TRUE(dozes(self->power));
	}
	EXPECT_TRUE(is_intact(self));
}

TEST_F_TIMEOUT(idle, jobs_race_with_its_sleep, 60)
{
	ASSERT_EQ(0, set_power(self->power, "autosuspend_delay_ms", "1"));
	for (int i = 0; i < 100; i++) {
		__u32 value = i * 0x01010101U;

		ASSERT_EQ(0, run_packet(self->fd, self->queue, fill(self->at_host, 4096, value),
					NULL));
		ASSERT_EQ(value, *(__u32 *)self->bytes);
		usleep(i * 100);
	}
	ASSERT_EQ(0, set_power(self->power, "autosuspend_delay_ms", "50"));
	EXPECT_LT(self->sleeps + 1, qda_state(0, "sleeps"));
}

TEST_F_TIMEOUT(idle, the_system_may_sleep_meanwhile, 60)
{
	ASSERT_EQ(0, sleep_system(IN_D3));
	EXPECT_TRUE(is_intact(self));
}

TEST_F_TIMEOUT(idle, an_administrator_resets_it, 60)
{
	struct accel_info_status before = status_of(self->fd);

	EXPECT_EQ(0, reset_device(self->index));
	EXPECT_EQ(before.epoch + 1, status_of(self->fd).epoch);
	EXPECT_TRUE(is_intact(self));
}

TEST_F_TIMEOUT(idle, one_that_does_not_wake_is_reset, 60)
{
	struct accel_info_status before = status_of(self->fd);

	ASSERT_TRUE(qda_model(0, "boot-hang 8"));
	EXPECT_TRUE(is_intact(self));
	EXPECT_EQ(before.epoch + 1, status_of(self->fd).epoch);
}

TEST_F_TIMEOUT(idle, it_is_unbound_in_its_sleep, 60)
{
	ASSERT_EQ(0, bind_qda(self->power, "unbind"));
	EXPECT_EQ(-ENODEV, run_packet(self->fd, self->queue, nop(), NULL));
	ASSERT_EQ(0, bind_qda(self->power, "bind"));
	close(self->fd);
	self->fd = open_qda(0);
	EXPECT_LE(0, self->fd);
	EXPECT_TRUE(dozes(self->power));
}

TEST_HARNESS_MAIN
