// SPDX-License-Identifier: GPL-2.0
/*
 * User memory that does not come: a page that a userfaultfd holds back delays
 * the caller, never the removal of the device.
 */
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "buffer.h"
#include "device.h"
#include "job.h"

/* A page whose first access waits until serve(). */
struct stalled {
	int uffd;
	char *page;
	char contents[PAGE];
};

static int stall(struct stalled *stalled)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	memset(stalled->contents, 0, PAGE);
	stalled->page = anonymous(PAGE);
	stalled->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (stalled->uffd < 0 || ioctl(stalled->uffd, UFFDIO_API, &api))
		return -errno;
	range.range.start = user(stalled->page);
	range.range.len = PAGE;
	return ioctl(stalled->uffd, UFFDIO_REGISTER, &range) ? -errno : 0;
}

/* Waits until somebody needs the page. */
static bool is_awaited(struct stalled *stalled)
{
	struct uffd_msg message;

	return poll_for(stalled->uffd, POLLIN, 10000) == POLLIN &&
	       read(stalled->uffd, &message, sizeof(message)) == sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT;
}

static int serve(struct stalled *stalled)
{
	struct uffdio_copy copy = {
		.dst = user(stalled->page),
		.src = user(stalled->contents),
		.len = PAGE,
	};
	int error = ioctl(stalled->uffd, UFFDIO_COPY, &copy) ? -errno : 0;

	close(stalled->uffd);
	return error;
}

/* A command that needs the page, in a thread of its own. */
struct caller {
	pthread_t thread;
	int fd;
	unsigned long command;
	void *argument;
	int error;
};

static void *caller_main(void *argument)
{
	struct caller *caller = argument;

	caller->error = call(caller->fd, caller->command, caller->argument);
	return NULL;
}

/* A device of its own, and a call to it that waits for a page. */
struct scene {
	int number;
	int fd;
	int monitor;
	struct stalled stalled;
	struct job job;
	struct accel_info info;
	struct caller caller;
};

FIXTURE(uffd)
{
	struct scene scene;
};

FIXTURE_VARIANT(uffd)
{
	bool monitor;	/* the call is made on the monitor node */
	bool answered;	/* the answer is there before the page is needed */
	void (*arrange)(struct scene *scene);
};

/* The struct of the command itself does not come. */
static void head_of_info(struct scene *scene)
{
	struct accel_info argument = { .kind = ACCEL_INFO_STATUS };

	memcpy(scene->stalled.contents, &argument, sizeof(argument));
	scene->caller.command = ACCEL_IOCTL_INFO;
	scene->caller.argument = scene->stalled.page;
}

static void head_of_submit(struct scene *scene)
{
	prepare(&scene->job, ACCEL_FAKE_NOP, 0, 0);
	one_job(&scene->job.submit, &scene->job.entry);
	memcpy(scene->stalled.contents, &scene->job.submit, sizeof(scene->job.submit));
	scene->caller.command = ACCEL_IOCTL_SUBMIT;
	scene->caller.argument = scene->stalled.page;
}

static void head_of_driver_command(struct scene *scene)
{
	struct accel_fake_echo echo = { .value = 1 };

	memcpy(scene->stalled.contents, &echo, sizeof(echo));
	scene->caller.command = ACCEL_FAKE_IOCTL_ECHO;
	scene->caller.argument = scene->stalled.page;
}

/* The place of the answer does not come. */
static void answer_of_info(struct scene *scene)
{
	scene->info = (struct accel_info){
		.kind = ACCEL_INFO_DEVICE,
		.size = sizeof(struct accel_info_device),
		.data = user(scene->stalled.page),
	};
	scene->caller.command = ACCEL_IOCTL_INFO;
	scene->caller.argument = &scene->info;
}

static void job_of_submit(struct scene *scene)
{
	prepare(&scene->job, ACCEL_FAKE_NOP, 0, 0);
	memcpy(scene->stalled.contents, &scene->job.entry, sizeof(scene->job.entry));
	one_job(&scene->job.submit, (void *)scene->stalled.page);
	scene->caller.command = ACCEL_IOCTL_SUBMIT;
	scene->caller.argument = &scene->job.submit;
}

static void payload_of_submit(struct scene *scene)
{
	prepare(&scene->job, ACCEL_FAKE_NOP, 0, handle_of(scene->fd, PAGE));
	memcpy(scene->stalled.contents, &scene->job.payload, sizeof(scene->job.payload));
	scene->job.entry.payload = user(scene->stalled.page);
	one_job(&scene->job.submit, &scene->job.entry);
	scene->caller.command = ACCEL_IOCTL_SUBMIT;
	scene->caller.argument = &scene->job.submit;
}

static void buffers_of_submit(struct scene *scene)
{
	prepare(&scene->job, ACCEL_FAKE_NOP, 0, handle_of(scene->fd, PAGE));
	memcpy(scene->stalled.contents, &scene->job.buffer, sizeof(scene->job.buffer));
	scene->job.entry.buffers = user(scene->stalled.page);
	one_job(&scene->job.submit, &scene->job.entry);
	scene->caller.command = ACCEL_IOCTL_SUBMIT;
	scene->caller.argument = &scene->job.submit;
}

FIXTURE_VARIANT_ADD(uffd, head_of_info) { .arrange = head_of_info };
FIXTURE_VARIANT_ADD(uffd, head_of_info_on_monitor) { .arrange = head_of_info, .monitor = true };
FIXTURE_VARIANT_ADD(uffd, head_of_submit) { .arrange = head_of_submit };
FIXTURE_VARIANT_ADD(uffd, head_of_driver_command) { .arrange = head_of_driver_command };
FIXTURE_VARIANT_ADD(uffd, answer_of_info) { .arrange = answer_of_info, .answered = true };
FIXTURE_VARIANT_ADD(uffd, answer_of_info_on_monitor) {
	.arrange = answer_of_info, .answered = true, .monitor = true,
};

FIXTURE_VARIANT_ADD(uffd, job_of_submit) { .arrange = job_of_submit };
FIXTURE_VARIANT_ADD(uffd, payload_of_submit) { .arrange = payload_of_submit };
FIXTURE_VARIANT_ADD(uffd, buffers_of_submit) { .arrange = buffers_of_submit };

FIXTURE_SETUP(uffd)
{
	struct scene *scene = &self->scene;

	scene->number = add_shared_fake();
	ASSERT_LE(0, scene->number);
	scene->fd = open_fake(scene->number);
	ASSERT_LE(0, scene->fd);
	scene->monitor = open_fake_monitor(scene->number);
	ASSERT_LE(0, scene->monitor);
	ASSERT_EQ(0, stall(&scene->stalled));
	variant->arrange(scene);
	scene->caller.fd = variant->monitor ? scene->monitor : scene->fd;
	ASSERT_EQ(0, pthread_create(&scene->caller.thread, NULL, caller_main, &scene->caller));
	ASSERT_TRUE(is_awaited(&scene->stalled));
}

FIXTURE_TEARDOWN(uffd)
{
	close(self->scene.fd);
	close(self->scene.monitor);
	remove_fake(self->scene.number);
}

TEST_F(uffd, does_not_delay_a_removal)
{
	struct scene *scene = &self->scene;
	__s64 start = now_ns();

	EXPECT_EQ(0, remove_fake(scene->number));
	EXPECT_GT(start + SLACK_NS, now_ns());
	EXPECT_EQ(0, serve(&scene->stalled));
	pthread_join(scene->caller.thread, NULL);
	EXPECT_EQ(variant->answered ? 0 : -ENODEV, scene->caller.error);
}

TEST_F(uffd, delays_only_its_own_call)
{
	struct scene *scene = &self->scene;
	struct accel_info_status status;

	EXPECT_EQ(0, info(scene->fd, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ(0, info(scene->monitor, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_NE(0U, handle_of(scene->fd, PAGE));
	EXPECT_EQ(0, run_nop(scene->fd));
	EXPECT_EQ(0, serve(&scene->stalled));
	pthread_join(scene->caller.thread, NULL);
	EXPECT_EQ(0, scene->caller.error);
}

TEST_HARNESS_MAIN
