// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs others that a device is watched: jobs, while a hundred monitors ask ten times a
 * second what tools ask. That a hundred threads wake up so often costs something, too, whatever
 * they do then: it is counted in a row of its own.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <accel/accel.h>

#include "bench.h"
#include "job.h"

#define MONITORS	100
#define PERIOD_NS	100000000LL
#define NSEC_PER_SEC	1000000000LL

static atomic_bool is_over, is_asked;

static void ask(int monitor, __u32 kind)
{
	char answer[1024];
	struct accel_info info = {
		.kind = kind, .size = sizeof(answer), .data = (uintptr_t)answer,
	};

	must(!ioctl(monitor, ACCEL_IOCTL_INFO, &info), "INFO");
}

/* Each begins at another moment. */
static void *watch(void *number)
{
	const struct sched_param param = { 0 };
	int monitor = open("/dev/accel/monitor0", O_RDONLY | O_CLOEXEC);
	struct timespec next;

	must(monitor >= 0, "open monitor");
	must(!sched_setscheduler(0, SCHED_OTHER, &param), "sched_setscheduler");
	clock_gettime(CLOCK_MONOTONIC, &next);
	next.tv_nsec += (uintptr_t)number * PERIOD_NS / MONITORS;
	while (!is_over) {
		next.tv_nsec += PERIOD_NS;
		next.tv_sec += next.tv_nsec / NSEC_PER_SEC;
		next.tv_nsec %= NSEC_PER_SEC;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		if (!is_asked)
			continue;
		ask(monitor, ACCEL_INFO_STATUS);
		ask(monitor, ACCEL_INFO_ENGINES);
		ask(monitor, ACCEL_INFO_SENSORS);
	}
	close(monitor);
	return NULL;
}

static void job_with_monitors(void)
{
	accel_job();
}

static void job_with_threads(void)
{
	accel_job();
}

static double with_threads(const struct row *row, void (*call)(void))
{
	static pthread_t threads[MONITORS];
	const uintptr_t count = call == accel_job ? 0 : MONITORS;
	double cost;

	is_over = false;
	is_asked = call == job_with_monitors;
	for (uintptr_t i = 0; i < count; i++)
		must(!pthread_create(&threads[i], NULL, watch, (void *)i), "pthread_create");
	cost = instructions(row, call);
	is_over = true;
	for (uintptr_t i = 0; i < count; i++)
		must(!pthread_join(threads[i], NULL), "pthread_join");
	return cost;
}

/* A second of the guest's time: ten rounds. */
const struct row monitors_100 = {
	.name = "monitors_100", .unit = "instructions", .policy = SCHED_IDLE,
	.ours = job_with_monitors, .peer = job_with_threads, .measure = with_threads,
	.calls = 120000, .batches = 1, .parts = 1,
};

const struct row floor_threads_100 = {
	.name = "floor_threads_100", .unit = "instructions", .policy = SCHED_IDLE,
	.ours = job_with_threads, .peer = accel_job, .measure = with_threads,
	.calls = 120000, .batches = 1, .parts = 1,
};
