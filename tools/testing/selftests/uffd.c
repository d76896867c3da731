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

FIXTURE(uffd)
{
	int number;
	int fd;
	int monitor;
	struct stalled stalled;
	struct job job;
	struct accel_info info;
	struct caller caller;
};

FIXTURE_VARIANT(uffd)
{
	bool monitor;	/* the call is made on the monitor node */
	bool answered;	/* the answer is there before the page is needed */
	void (*arrange)(FIXTURE_DATA(uffd) *self);
};

/* The struct of the command itself does not come. */
static void head_of_info(FIXTURE_DATA(uffd) *self)
{
	struct accel_info argument = { .kind = ACCEL_INFO_STATUS };

	memcpy(self->stalled.contents, &argument, sizeof(argument));
	self->caller.command = ACCEL_IOCTL_INFO;
	self->caller.argument = self->stalled.page;
}

static void head_of_submit(FIXTURE_DATA(uffd) *self)
{
	prepare(&self->job, ACCEL_FAKE_NOP, 0, 0);
	memcpy(self->stalled.contents, &self->job.submit, sizeof(self->job.submit));
	self->caller.command = ACCEL_IOCTL_SUBMIT;
	self->caller.argument = self->stalled.page;
}

static void head_of_driver_command(FIXTURE_DATA(uffd) *self)
{
	struct accel_fake_echo echo = { .value = 1 };

	memcpy(self->stalled.contents, &echo, sizeof(echo));
	self->caller.command = ACCEL_FAKE_IOCTL_ECHO;
	self->caller.argument = self->stalled.page;
}

/* The place of the answer does not come. */
static void answer_of_info(FIXTURE_DATA(uffd) *self)
{
	self->info = (struct accel_info){
		.kind = ACCEL_INFO_DEVICE,
		.size = sizeof(struct accel_info_device),
		.data = user(self->stalled.page),
	};
	self->caller.command = ACCEL_IOCTL_INFO;
	self->caller.argument = &self->info;
}

static void payload_of_submit(FIXTURE_DATA(uffd) *self)
{
	prepare(&self->job, ACCEL_FAKE_NOP, 0, handle_of(self->fd, PAGE));
	memcpy(self->stalled.contents, &self->job.payload, sizeof(self->job.payload));
	self->job.submit.payload = user(self->stalled.page);
	self->caller.command = ACCEL_IOCTL_SUBMIT;
	self->caller.argument = &self->job.submit;
}

static void buffers_of_submit(FIXTURE_DATA(uffd) *self)
{
	prepare(&self->job, ACCEL_FAKE_NOP, 0, handle_of(self->fd, PAGE));
	memcpy(self->stalled.contents, &self->job.buffer, sizeof(self->job.buffer));
	self->job.submit.buffers = user(self->stalled.page);
	self->caller.command = ACCEL_IOCTL_SUBMIT;
	self->caller.argument = &self->job.submit;
}

FIXTURE_VARIANT_ADD(uffd, head_of_info) { .arrange = head_of_info };
FIXTURE_VARIANT_ADD(uffd, head_of_info_on_monitor) { .arrange = head_of_info, .monitor = true };
FIXTURE_VARIANT_ADD(uffd, head_of_submit) { .arrange = head_of_submit };
FIXTURE_VARIANT_ADD(uffd, head_of_driver_command) { .arrange = head_of_driver_command };
FIXTURE_VARIANT_ADD(uffd, answer_of_info) { .arrange = answer_of_info, .answered = true };
FIXTURE_VARIANT_ADD(uffd, answer_of_info_on_monitor) {
	.arrange = answer_of_info, .answered = true, .monitor = true,
};
FIXTURE_VARIANT_ADD(uffd, payload_of_submit) { .arrange = payload_of_submit };
FIXTURE_VARIANT_ADD(uffd, buffers_of_submit) { .arrange = buffers_of_submit };

/* A device of its own, and a call to it that waits for a page. */
FIXTURE_SETUP(uffd)
{
	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->fd = open_fake(self->number);
	ASSERT_LE(0, self->fd);
	self->monitor = open_fake_monitor(self->number);
	ASSERT_LE(0, self->monitor);
	ASSERT_EQ(0, stall(&self->stalled));
	variant->arrange(self);
	self->caller.fd = variant->monitor ? self->monitor : self->fd;
	ASSERT_EQ(0, pthread_create(&self->caller.thread, NULL, caller_main, &self->caller));
	ASSERT_TRUE(is_awaited(&self->stalled));
}

FIXTURE_TEARDOWN(uffd)
{
	close(self->fd);
	close(self->monitor);
	remove_fake(self->number);
}

TEST_F(uffd, does_not_delay_a_removal)
{
	__s64 start = now_ns();

	EXPECT_EQ(0, remove_fake(self->number));
	EXPECT_GT(start + SLACK_NS, now_ns());
	EXPECT_EQ(0, serve(&self->stalled));
	pthread_join(self->caller.thread, NULL);
	EXPECT_EQ(variant->answered ? 0 : -ENODEV, self->caller.error);
}

TEST_F(uffd, delays_only_its_own_call)
{
	struct accel_info_status status;

	EXPECT_EQ(0, info(self->fd, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ(0, info(self->monitor, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_NE(0U, handle_of(self->fd, PAGE));
	EXPECT_EQ(0, run_nop(self->fd));
	EXPECT_EQ(0, serve(&self->stalled));
	pthread_join(self->caller.thread, NULL);
	EXPECT_EQ(0, self->caller.error);
}

TEST_HARNESS_MAIN
