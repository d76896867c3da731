/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test needs: system calls that answer with -errno, the clock of the
 * interface, and memory with a hole behind it.
 */
#ifndef _ACCEL_SELFTESTS_COMMON_H
#define _ACCEL_SELFTESTS_COMMON_H

#include <kselftest_harness.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <accel/accel.h>
#include <accel_fake.h>

#define PAGE		4096UL
#define HUGE_PAGE	(2UL << 20)
#define NOBODY		65534
#define NSEC_PER_MSEC	1000000LL
#define NSEC_PER_SEC	1000000000LL

/* What an emulated debug kernel on a busy host may take longer. */
#define SLACK_NS	(5 * NSEC_PER_SEC)

/* Memory that a call must not write is filled with this byte. */
#define UNTOUCHED	0xa5

/* A pointer to nothing. */
#define NOWHERE		((void *)1)

/* Whether this is `make test-long`. */
static inline bool is_long(void)
{
	return getenv("ACCEL_LONG");
}

/* Programs that watch slow all down: how many times as long a test may take then. */
#define WATCHED_SLOWDOWN	4

static inline void allow_for_watchers(void)
{
	if (!getenv("ACCEL_WATCHED"))
		return;
	for (struct __fixture_metadata *fixture = __fixture_list; fixture; fixture = fixture->next)
		for (struct __test_metadata *test = fixture->tests; test; test = test->next)
			test->timeout *= WATCHED_SLOWDOWN;
}

#undef TEST_HARNESS_MAIN
#define TEST_HARNESS_MAIN						\
	int main(int argc, char **argv)					\
	{								\
		allow_for_watchers();					\
		exit(test_harness_run(argc, argv));			\
	}

/*
 * How often to repeat: @most times in `make test-long`; in `make test` a twentieth of that, and a
 * hundredth as a 32-bit program, whose calls differ, but not what comes of many of them.
 */
static inline int times(int most)
{
	const int parts = is_long() ? 1 : sizeof(void *) == 8 ? 20 : 100;

	return (most + parts - 1) / parts;
}

static inline int call(int fd, unsigned long command, void *argument)
{
	return ioctl(fd, command, argument) < 0 ? -errno : 0;
}

/* The same command with a struct of @size bytes. */
static inline unsigned long resized(unsigned long command, size_t size)
{
	return (command & ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT)) |
	       (size & _IOC_SIZEMASK) << _IOC_SIZESHIFT;
}

static inline __u64 user(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* Lets @submit be of the one job @entry. */
static inline void one_job(struct accel_submit *submit, const struct accel_submit_job *entry)
{
	submit->jobs = user(entry);
	submit->nr_jobs = 1;
}

static inline int submit_entry(int fd, struct accel_submit *submit, struct accel_submit_job *entry)
{
	one_job(submit, entry);
	return call(fd, ACCEL_IOCTL_SUBMIT, submit);
}

static inline __s64 now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

static inline __s64 in_ms(__s64 milliseconds)
{
	return now_ns() + milliseconds * NSEC_PER_MSEC;
}

static inline void sleep_ms(unsigned int milliseconds)
{
	usleep(milliseconds * 1000);
}

/* Asks for a kind; @argument is left as the kernel left it. */
static inline int info_call(int fd, struct accel_info *argument, __u32 kind, void *data,
			    __u32 size)
{
	*argument = (struct accel_info){ .kind = kind, .size = size, .data = user(data) };
	return call(fd, ACCEL_IOCTL_INFO, argument);
}

static inline int info(int fd, __u32 kind, void *data, __u32 size)
{
	struct accel_info argument;

	return info_call(fd, &argument, kind, data, size);
}

static inline struct accel_info_status status_of(int fd)
{
	struct accel_info_status status = { 0 };

	info(fd, ACCEL_INFO_STATUS, &status, sizeof(status));
	return status;
}

static inline struct accel_info_engine engine_of(int fd)
{
	struct accel_info_engine engine = { 0 };

	info(fd, ACCEL_INFO_ENGINES, &engine, sizeof(engine));
	return engine;
}

static inline struct accel_info_memory memory_of(int fd)
{
	struct accel_info_memory memory = { 0 };

	info(fd, ACCEL_INFO_MEMORY, &memory, sizeof(memory));
	return memory;
}

static inline struct accel_info_clients clients_of(int fd)
{
	struct accel_info_clients clients = { 0 };

	info(fd, ACCEL_INFO_CLIENTS, &clients, sizeof(clients));
	return clients;
}

/* Bytes in use once they are @expected, or still after SLACK_NS: ended jobs are dropped late. */
static inline __u64 settled_memory(int fd, __u64 expected)
{
	__s64 end = now_ns() + SLACK_NS;

	while (memory_of(fd).used != expected && now_ns() < end)
		sleep_ms(1);
	return memory_of(fd).used;
}

static inline void *anonymous(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Memory of @size zero bytes; the byte behind it faults. */
static inline void *before_hole(size_t size)
{
	size_t pages = (size + PAGE - 1) & ~(PAGE - 1);
	char *map = anonymous(pages + PAGE);

	mprotect(map + pages, PAGE, PROT_NONE);
	return map + pages - size;
}

/* Each byte is compared with the next one: memcmp() is fast. */
static inline bool all_bytes(const void *memory, int byte, size_t size)
{
	const unsigned char *at = memory;

	return !size || (*at == byte && !memcmp(at, at + 1, size - 1));
}

/* Waits for @child and returns its exit code; -1 if a signal ended it. */
static inline int exit_code(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Waits for @child and returns the signal that ended it; 0 if it exited. */
static inline int death_signal(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
		return 0;
	return WTERMSIG(status);
}

/* Waits until @fd polls with one of @events; returns what it polls with. */
static inline short poll_for(int fd, short events, int milliseconds)
{
	struct pollfd poller = { .fd = fd, .events = events };

	return poll(&poller, 1, milliseconds) > 0 ? poller.revents : 0;
}

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int error;

	if (fd < 0)
		return -errno;
	written = write(fd, text, strlen(text));
	error = written < 0 ? -errno : 0;
	close(fd);
	return error;
}

/* Reads a small file as a string without its last newline. */
static inline int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	close(fd);
	if (length < 0)
		return -EIO;
	if (length && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	return 0;
}

/* Says who the current thread is, for until_asleep(). */
static inline void tell_thread(pid_t *thread)
{
	__atomic_store_n(thread, gettid(), __ATOMIC_RELEASE);
}

/* Waits until a thread that told who it is sleeps; a busy host may need a while for that. */
static inline void until_asleep(const pid_t *thread)
{
	char path[64], text[256];

	for (__s64 end = now_ns() + 4 * SLACK_NS; now_ns() < end; sleep_ms(2)) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
			 __atomic_load_n(thread, __ATOMIC_ACQUIRE));
		if (!read_file(path, text, sizeof(text)) && strstr(text, ") S "))
			return;
	}
}

#endif /* _ACCEL_SELFTESTS_COMMON_H */
