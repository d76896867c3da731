// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs others that a device is watched: jobs, while a hundred monitors ask ten times a
 * second what tools ask, as ten programs with ten monitors each. Programs of their own: threads
 * would have the calls of all of them count references of files.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <accel/accel.h>

#include "bench.h"
#include "job.h"

#define WATCHERS	10
#define MONITORS	10	/* of each */
#define PERIOD_NS	100000000LL
#define NSEC_PER_SEC	1000000000LL

static void ask(int monitor, __u32 kind)
{
	char answer[1024];
	struct accel_info info = {
		.kind = kind, .size = sizeof(answer), .data = (uintptr_t)answer,
	};

	must(!ioctl(monitor, ACCEL_IOCTL_INFO, &info), "INFO");
}

/* Each begins at another moment. */
static void watch(unsigned int number, atomic_uint *watching)
{
	const struct sched_param param = { 0 };
	struct timespec next;
	int monitors[MONITORS];

	for (int i = 0; i < MONITORS; i++) {
		monitors[i] = open("/dev/accel/monitor0", O_RDONLY | O_CLOEXEC);
		must(monitors[i] >= 0, "open monitor");
	}
	must(!sched_setscheduler(0, SCHED_OTHER, &param), "sched_setscheduler");
	clock_gettime(CLOCK_MONOTONIC, &next);
	next.tv_nsec += number * PERIOD_NS / WATCHERS;
	for (++*watching;;) {
		next.tv_nsec += PERIOD_NS;
		next.tv_sec += next.tv_nsec / NSEC_PER_SEC;
		next.tv_nsec %= NSEC_PER_SEC;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		for (int i = 0; i < MONITORS; i++) {
			ask(monitors[i], ACCEL_INFO_STATUS);
			ask(monitors[i], ACCEL_INFO_ENGINES);
			ask(monitors[i], ACCEL_INFO_SENSORS);
		}
	}
}

static pid_t start_watcher(unsigned int number, atomic_uint *watching)
{
	pid_t child = fork();

	must(child >= 0, "fork");
	if (!child)
		watch(number, watching);
	return child;
}

static void job_with_monitors(void)
{
	accel_job();
}

static double with_watchers(const struct row *row, void (*call)(void))
{
	const unsigned int count = call == accel_job ? 0 : WATCHERS;
	atomic_uint *watching = mmap(NULL, sizeof(*watching), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t watchers[WATCHERS];
	double cost;

	must(watching != MAP_FAILED, "mmap");
	for (unsigned int i = 0; i < count; i++)
		watchers[i] = start_watcher(i, watching);
	/* What it takes to open a monitor is not what it costs to watch. */
	while (*watching < count)
		usleep(1000);
	cost = instructions(row, call);
	for (unsigned int i = 0; i < count; i++) {
		kill(watchers[i], SIGKILL);
		must(waitpid(watchers[i], NULL, 0) == watchers[i], "waitpid");
	}
	munmap(watching, sizeof(*watching));
	return cost;
}

/* A second of the guest's time: ten rounds. */
const struct row monitors_100 = {
	.name = "monitors_100", .unit = "instructions", .policy = SCHED_IDLE,
	.ours = job_with_monitors, .peer = accel_job, .measure = with_watchers,
	.calls = 120000, .batches = 1, .parts = 1,
};
