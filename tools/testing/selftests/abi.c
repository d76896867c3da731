// SPDX-License-Identifier: GPL-2.0
/* The command table: numbers, sizes of structs, page borders, nodes and wrong files. */
#include "buffer.h"
#include "fixture.h"
#include "job.h"
#include "prepared.h"
#include "queue.h"
#include "share.h"
#include "timeline.h"

#define MAX_SIZE	_IOC_SIZEMASK	/* the largest struct that a number can name */

/* The layout is part of the interface, for 32-bit callers too. */
_Static_assert(sizeof(struct accel_info) == 32, "accel_info");
_Static_assert(sizeof(struct accel_info_kind) == 32, "accel_info_kind");
_Static_assert(sizeof(struct accel_info_device) == 216, "accel_info_device");
_Static_assert(sizeof(struct accel_info_status) == 32, "accel_info_status");
_Static_assert(sizeof(struct accel_info_engine) == 88, "accel_info_engine");
_Static_assert(sizeof(struct accel_info_memory) == 88, "accel_info_memory");
_Static_assert(sizeof(struct accel_info_clients) == 56, "accel_info_clients");
_Static_assert(sizeof(struct accel_info_client_memory) == 72, "accel_info_client_memory");
_Static_assert(sizeof(struct accel_info_client_engine) == 56, "accel_info_client_engine");
_Static_assert(sizeof(struct accel_info_link) == 80, "accel_info_link");
_Static_assert(sizeof(struct accel_info_sensor) == 64, "accel_info_sensor");
_Static_assert(sizeof(struct accel_info_throttle) == 56, "accel_info_throttle");
_Static_assert(sizeof(struct accel_info_errors) == 56, "accel_info_errors");
_Static_assert(sizeof(struct accel_info_error_limits) == 24, "accel_info_error_limits");
_Static_assert(sizeof(struct accel_info_row) == 24, "accel_info_row");
_Static_assert(sizeof(struct accel_info_spares) == 16, "accel_info_spares");
_Static_assert(sizeof(struct accel_info_firmware) == 80, "accel_info_firmware");
_Static_assert(sizeof(struct accel_info_sleep) == 24, "accel_info_sleep");
_Static_assert(sizeof(struct accel_info_client) == 88, "accel_info_client");
_Static_assert(sizeof(struct accel_failure_eventfd) == 8, "accel_failure_eventfd");
_Static_assert(sizeof(struct accel_event) == 72, "accel_event");
_Static_assert(sizeof(struct accel_event_filter) == 16, "accel_event_filter");
_Static_assert(sizeof(struct accel_buffer_create) == 32, "accel_buffer_create");
_Static_assert(sizeof(struct accel_buffer_close) == 8, "accel_buffer_close");
_Static_assert(sizeof(struct accel_buffer_info) == 32, "accel_buffer_info");
_Static_assert(sizeof(struct accel_buffer_export) == 16, "accel_buffer_export");
_Static_assert(sizeof(struct accel_buffer_import) == 32, "accel_buffer_import");
_Static_assert(sizeof(struct accel_buffer_pin) == 24, "accel_buffer_pin");
_Static_assert(sizeof(struct accel_buffer_sync) == 8, "accel_buffer_sync");
_Static_assert(sizeof(struct accel_buffer_label) == 56, "accel_buffer_label");
_Static_assert(sizeof(struct accel_buffer_advise) == 16, "accel_buffer_advise");
_Static_assert(sizeof(struct accel_submit_job) == 56, "accel_submit_job");
_Static_assert(sizeof(struct accel_submit) == 32, "accel_submit");
_Static_assert(sizeof(struct accel_job_prepare) == 48, "accel_job_prepare");
_Static_assert(sizeof(struct accel_job_replace) == 8, "accel_job_replace");
_Static_assert(sizeof(struct accel_job_release) == 16, "accel_job_release");
_Static_assert(sizeof(struct accel_wait) == 80, "accel_wait");
_Static_assert(sizeof(struct accel_context_create) == 16, "accel_context_create");
_Static_assert(sizeof(struct accel_context_destroy) == 8, "accel_context_destroy");
_Static_assert(sizeof(struct accel_queue_create) == 48, "accel_queue_create");
_Static_assert(sizeof(struct accel_queue_destroy) == 8, "accel_queue_destroy");
_Static_assert(sizeof(struct accel_point) == 16, "accel_point");
_Static_assert(sizeof(struct accel_timeline_create) == 16, "accel_timeline_create");
_Static_assert(sizeof(struct accel_timeline_close) == 8, "accel_timeline_close");
_Static_assert(sizeof(struct accel_timeline_signal) == 16, "accel_timeline_signal");
_Static_assert(sizeof(struct accel_timeline_query) == 32, "accel_timeline_query");
_Static_assert(sizeof(struct accel_timeline_wait) == 32, "accel_timeline_wait");
_Static_assert(sizeof(struct accel_timeline_transfer) == 40, "accel_timeline_transfer");
_Static_assert(sizeof(struct accel_timeline_export) == 24, "accel_timeline_export");
_Static_assert(sizeof(struct accel_timeline_import) == 24, "accel_timeline_import");
_Static_assert(sizeof(struct accel_timeline_eventfd) == 24, "accel_timeline_eventfd");
_Static_assert(sizeof(struct accel_doorbell_create) == 32, "accel_doorbell_create");
_Static_assert(sizeof(struct accel_doorbell_close) == 8, "accel_doorbell_close");
_Static_assert(sizeof(struct accel_user_queue_create) == 56, "accel_user_queue_create");
_Static_assert(sizeof(struct accel_user_queue_destroy) == 8, "accel_user_queue_destroy");
_Static_assert(sizeof(struct accel_user_queue_query) == 32, "accel_user_queue_query");

/* What the pointers of the arguments below point to. */
static struct accel_fake_job nop = { .op = ACCEL_FAKE_NOP };

static void fill_info(int fd, void *argument)
{
	(void)fd;
	*(struct accel_info *)argument = (struct accel_info){ .kind = ACCEL_INFO_STATUS };
}

static void fill_create(int fd, void *argument)
{
	(void)fd;
	*(struct accel_buffer_create *)argument = (struct accel_buffer_create){ .size = PAGE };
}

static void fill_context_create(int fd, void *argument)
{
	(void)fd;
	*(struct accel_context_create *)argument = (struct accel_context_create){ .flags = 0 };
}

static void fill_context_destroy(int fd, void *argument)
{
	*(struct accel_context_destroy *)argument =
		(struct accel_context_destroy){ .handle = create_context(fd) };
}

static void fill_queue_create(int fd, void *argument)
{
	(void)fd;
	*(struct accel_queue_create *)argument = (struct accel_queue_create){ .flags = 0 };
}

static void fill_queue_destroy(int fd, void *argument)
{
	*(struct accel_queue_destroy *)argument =
		(struct accel_queue_destroy){ .handle = create_queue(fd, 0, 0) };
}

static void fill_close(int fd, void *argument)
{
	((struct accel_buffer_close *)argument)->handle = handle_of(fd, PAGE);
	((struct accel_buffer_close *)argument)->flags = 0;
}

static void fill_buffer_info(int fd, void *argument)
{
	*(struct accel_buffer_info *)argument =
		(struct accel_buffer_info){ .handle = handle_of(fd, PAGE) };
}

static void fill_export(int fd, void *argument)
{
	*(struct accel_buffer_export *)argument =
		(struct accel_buffer_export){ .handle = handle_of(fd, PAGE) };
}

static void fill_import(int fd, void *argument)
{
	static int buf = -1;

	if (buf < 0)
		buf = export_buffer(fd, handle_of(fd, PAGE));
	*(struct accel_buffer_import *)argument = (struct accel_buffer_import){ .fd = buf };
}

static void fill_pin(int fd, void *argument)
{
	static char *page;

	(void)fd;
	if (!page)
		page = anonymous(PAGE);
	*(struct accel_buffer_pin *)argument =
		(struct accel_buffer_pin){ .address = user(page), .size = PAGE };
}

static void fill_sync(int fd, void *argument)
{
	*(struct accel_buffer_sync *)argument = (struct accel_buffer_sync){
		.handle = handle_of(fd, PAGE), .flags = ACCEL_BUFFER_SYNC_READ,
	};
}

static void fill_label(int fd, void *argument)
{
	*(struct accel_buffer_label *)argument =
		(struct accel_buffer_label){ .handle = handle_of(fd, PAGE), .label = "label" };
}

static void fill_advise(int fd, void *argument)
{
	*(struct accel_buffer_advise *)argument =
		(struct accel_buffer_advise){ .handle = handle_of(fd, PAGE) };
}

static void fill_submit(int fd, void *argument)
{
	static struct accel_submit_job entry;

	(void)fd;
	entry = (struct accel_submit_job){ .payload = user(&nop), .payload_size = sizeof(nop) };
	*(struct accel_submit *)argument = (struct accel_submit){
		.jobs = user(&entry),
		.nr_jobs = 1,
	};
}

/* There are never more than those of the two that follow. */
static void release_prepared(int fd)
{
	release(fd, 1);
	release(fd, 2);
}

static void fill_prepare(int fd, void *argument)
{
	release_prepared(fd);
	*(struct accel_job_prepare *)argument = (struct accel_job_prepare){
		.payload = user(&nop),
		.payload_size = sizeof(nop),
	};
}

static void fill_release(int fd, void *argument)
{
	release_prepared(fd);
	*(struct accel_job_release *)argument =
		(struct accel_job_release){ .handle = prepared(fd, ACCEL_FAKE_NOP, 0, 0) };
}

static void fill_wait(int fd, void *argument)
{
	*(struct accel_wait *)argument = (struct accel_wait){
		.job = submit(fd, ACCEL_FAKE_NOP, 0),
		.deadline_ns = FOREVER,
	};
}

/* A point of the one timeline of this file: a later one each time. */
static struct accel_point later_point(int fd)
{
	static struct accel_point point;

	if (!point.handle)
		point.handle = timeline_at(fd, 0);
	point.value++;
	return point;
}

/* Where every timeline has come. */
static struct accel_point first_point(int fd)
{
	struct accel_point point = later_point(fd);

	point.value = 0;
	return point;
}

static void fill_timeline_create(int fd, void *argument)
{
	(void)fd;
	*(struct accel_timeline_create *)argument = (struct accel_timeline_create){ .value = 7 };
}

static void fill_timeline_close(int fd, void *argument)
{
	*(struct accel_timeline_close *)argument =
		(struct accel_timeline_close){ .handle = timeline_at(fd, 0) };
}

static void fill_timeline_signal(int fd, void *argument)
{
	static struct accel_point point;

	point = later_point(fd);
	*(struct accel_timeline_signal *)argument = (struct accel_timeline_signal){
		.points = user(&point),
		.nr_points = 1,
	};
}

static void fill_timeline_query(int fd, void *argument)
{
	*(struct accel_timeline_query *)argument =
		(struct accel_timeline_query){ .handle = first_point(fd).handle };
}

static void fill_timeline_wait(int fd, void *argument)
{
	static struct accel_point point;

	point = first_point(fd);
	*(struct accel_timeline_wait *)argument = (struct accel_timeline_wait){
		.points = user(&point),
		.nr_points = 1,
		.deadline_ns = FOREVER,
	};
}

static void fill_timeline_transfer(int fd, void *argument)
{
	*(struct accel_timeline_transfer *)argument = (struct accel_timeline_transfer){
		.source = first_point(fd),
		.destination = later_point(fd),
	};
}

static void fill_timeline_export(int fd, void *argument)
{
	*(struct accel_timeline_export *)argument =
		(struct accel_timeline_export){ .point = first_point(fd) };
}

static void fill_timeline_import(int fd, void *argument)
{
	static int sync_file = -1;

	if (sync_file < 0)
		sync_file = export_point(fd, first_point(fd).handle, 0);
	*(struct accel_timeline_import *)argument = (struct accel_timeline_import){
		.point = later_point(fd),
		.fd = sync_file,
	};
}

static void fill_failure_eventfd(int fd, void *argument)
{
	(void)fd;
	*(struct accel_failure_eventfd *)argument = (struct accel_failure_eventfd){ .fd = -1 };
}

static void fill_timeline_eventfd(int fd, void *argument)
{
	static int event = -1;

	if (event < 0)
		event = eventfd(0, 0);
	*(struct accel_timeline_eventfd *)argument = (struct accel_timeline_eventfd){
		.point = first_point(fd),
		.fd = event,
	};
}

/* For what the fake does not have: it does not look any further. */
static void fill_nothing(int fd, void *argument)
{
	(void)fd;
	memset(argument, 0, 8);
}

static void fill_echo(int fd, void *argument)
{
	(void)fd;
	*(struct accel_fake_echo *)argument = (struct accel_fake_echo){ .value = 41 };
}

static void fill_set(int fd, void *argument)
{
	(void)fd;
	*(struct accel_fake_set *)argument = (struct accel_fake_set){ .what = ACCEL_FAKE_SENSOR };
}

static void fill_fail_resets(int fd, void *argument)
{
	(void)fd;
	*(struct accel_fake_fail_resets *)argument = (struct accel_fake_fail_resets){ .count = 0 };
}

/* Every command, its documented minimum size and a valid argument for it. */
/* One that is kept would last until a signal. */
static void fill_hold(int fd, void *argument)
{
	(void)fd;
	((struct accel_fake_hold *)argument)->fd = -1;
}

static const struct command {
	const char *name;
	unsigned long number;
	size_t minimum;
	void (*fill)(int fd, void *argument);
	bool on_monitor;
} commands[] = {
	{ "INFO", ACCEL_IOCTL_INFO, offsetof(struct accel_info, flags), fill_info, true },
	{ "BUFFER_CREATE", ACCEL_IOCTL_BUFFER_CREATE, sizeof(struct accel_buffer_create),
	  fill_create, false },
	{ "BUFFER_CLOSE", ACCEL_IOCTL_BUFFER_CLOSE, sizeof(struct accel_buffer_close),
	  fill_close, false },
	{ "BUFFER_INFO", ACCEL_IOCTL_BUFFER_INFO, offsetof(struct accel_buffer_info, region),
	  fill_buffer_info, false },
	{ "BUFFER_EXPORT", ACCEL_IOCTL_BUFFER_EXPORT,
	  offsetof(struct accel_buffer_export, reserved), fill_export, false },
	{ "BUFFER_IMPORT", ACCEL_IOCTL_BUFFER_IMPORT, sizeof(struct accel_buffer_import),
	  fill_import, false },
	{ "BUFFER_PIN", ACCEL_IOCTL_BUFFER_PIN, sizeof(struct accel_buffer_pin), fill_pin, false },
	{ "BUFFER_SYNC", ACCEL_IOCTL_BUFFER_SYNC, sizeof(struct accel_buffer_sync),
	  fill_sync, false },
	{ "BUFFER_LABEL", ACCEL_IOCTL_BUFFER_LABEL, sizeof(struct accel_buffer_label),
	  fill_label, false },
	{ "SUBMIT", ACCEL_IOCTL_SUBMIT, offsetof(struct accel_submit, refused_reason),
	  fill_submit, false },
	{ "JOB_PREPARE", ACCEL_IOCTL_JOB_PREPARE,
	  offsetof(struct accel_job_prepare, refused_reason), fill_prepare, false },
	{ "JOB_RELEASE", ACCEL_IOCTL_JOB_RELEASE, sizeof(struct accel_job_release),
	  fill_release, false },
	{ "WAIT", ACCEL_IOCTL_WAIT, offsetof(struct accel_wait, status), fill_wait, false },
	{ "CONTEXT_CREATE", ACCEL_IOCTL_CONTEXT_CREATE, sizeof(struct accel_context_create),
	  fill_context_create, false },
	{ "CONTEXT_DESTROY", ACCEL_IOCTL_CONTEXT_DESTROY, sizeof(struct accel_context_destroy),
	  fill_context_destroy, false },
	{ "QUEUE_CREATE", ACCEL_IOCTL_QUEUE_CREATE,
	  offsetof(struct accel_queue_create, refused_reason), fill_queue_create, false },
	{ "QUEUE_DESTROY", ACCEL_IOCTL_QUEUE_DESTROY, sizeof(struct accel_queue_destroy),
	  fill_queue_destroy, false },
	{ "TIMELINE_CREATE", ACCEL_IOCTL_TIMELINE_CREATE, sizeof(struct accel_timeline_create),
	  fill_timeline_create, false },
	{ "TIMELINE_CLOSE", ACCEL_IOCTL_TIMELINE_CLOSE, sizeof(struct accel_timeline_close),
	  fill_timeline_close, false },
	{ "TIMELINE_SIGNAL", ACCEL_IOCTL_TIMELINE_SIGNAL, sizeof(struct accel_timeline_signal),
	  fill_timeline_signal, false },
	{ "TIMELINE_QUERY", ACCEL_IOCTL_TIMELINE_QUERY, sizeof(struct accel_timeline_query),
	  fill_timeline_query, false },
	{ "TIMELINE_WAIT", ACCEL_IOCTL_TIMELINE_WAIT,
	  offsetof(struct accel_timeline_wait, reserved), fill_timeline_wait, false },
	{ "TIMELINE_TRANSFER", ACCEL_IOCTL_TIMELINE_TRANSFER,
	  sizeof(struct accel_timeline_transfer), fill_timeline_transfer, false },
	{ "TIMELINE_EXPORT", ACCEL_IOCTL_TIMELINE_EXPORT, sizeof(struct accel_timeline_export),
	  fill_timeline_export, false },
	{ "TIMELINE_IMPORT", ACCEL_IOCTL_TIMELINE_IMPORT, sizeof(struct accel_timeline_import),
	  fill_timeline_import, false },
	{ "TIMELINE_EVENTFD", ACCEL_IOCTL_TIMELINE_EVENTFD, sizeof(struct accel_timeline_eventfd),
	  fill_timeline_eventfd, false },
	{ "FAILURE_EVENTFD", ACCEL_IOCTL_FAILURE_EVENTFD, sizeof(struct accel_failure_eventfd),
	  fill_failure_eventfd, false },
	{ "BUFFER_ADVISE", ACCEL_IOCTL_BUFFER_ADVISE, sizeof(struct accel_buffer_advise),
	  fill_advise, false },
	{ "DOORBELL_CREATE", ACCEL_IOCTL_DOORBELL_CREATE,
	  offsetof(struct accel_doorbell_create, index), fill_nothing, false },
	{ "DOORBELL_CLOSE", ACCEL_IOCTL_DOORBELL_CLOSE, sizeof(struct accel_doorbell_close),
	  fill_nothing, false },
	{ "USER_QUEUE_CREATE", ACCEL_IOCTL_USER_QUEUE_CREATE,
	  offsetof(struct accel_user_queue_create, refused_reason), fill_nothing, false },
	{ "USER_QUEUE_DESTROY", ACCEL_IOCTL_USER_QUEUE_DESTROY,
	  sizeof(struct accel_user_queue_destroy), fill_nothing, false },
	{ "USER_QUEUE_QUERY", ACCEL_IOCTL_USER_QUEUE_QUERY,
	  sizeof(struct accel_user_queue_query), fill_nothing, false },
	{ "ADDRESS_SPACE_CREATE", ACCEL_IOCTL_ADDRESS_SPACE_CREATE,
	  sizeof(struct accel_address_space_create), fill_nothing, false },
	{ "ADDRESS_SPACE_DESTROY", ACCEL_IOCTL_ADDRESS_SPACE_DESTROY,
	  sizeof(struct accel_address_space_destroy), fill_nothing, false },
	{ "ADDRESS_SPACE_MAP", ACCEL_IOCTL_ADDRESS_SPACE_MAP,
	  sizeof(struct accel_address_space_map), fill_nothing, false },
	{ "ADDRESS_SPACE_UNMAP", ACCEL_IOCTL_ADDRESS_SPACE_UNMAP,
	  sizeof(struct accel_address_space_unmap), fill_nothing, false },
	{ "ADDRESS_SPACE_PROTECT", ACCEL_IOCTL_ADDRESS_SPACE_PROTECT,
	  sizeof(struct accel_address_space_protect), fill_nothing, false },
	{ "ECHO", ACCEL_FAKE_IOCTL_ECHO, sizeof(struct accel_fake_echo), fill_echo, false },
	{ "FAIL_RESETS", ACCEL_FAKE_IOCTL_FAIL_RESETS, sizeof(struct accel_fake_fail_resets),
	  fill_fail_resets, false },
	{ "SET", ACCEL_FAKE_IOCTL_SET, sizeof(struct accel_fake_set), fill_set, false },
	{ "HOLD", ACCEL_FAKE_IOCTL_HOLD, sizeof(struct accel_fake_hold), fill_hold, false },
};

#define FOR_EACH_COMMAND(command) \
	for (const struct command *command = commands; \
	     command < commands + ARRAY_SIZE(commands); command++)

/* What the compute node of the fake answers to a valid argument. */
static int answer_of(const struct command *command)
{
	if (command->fill == fill_hold)
		return -EBADF;
	return command->fill == fill_nothing ? -EOPNOTSUPP : 0;
}

/* Whether the node knows this number, whatever the size in it. */
static bool is_known(unsigned long number, bool monitor)
{
	FOR_EACH_COMMAND(command)
		if (resized(number, 0) == resized(command->number, 0))
			return command->on_monitor || !monitor;
	/* The compute node has no events. */
	return monitor && resized(number, 0) == resized(ACCEL_IOCTL_EVENT_FILTER, 0);
}

TEST_F(fake, unknown_numbers_are_enotty)
{
	static const unsigned int sizes[] = { 0, 8, 32, 72, 4096, MAX_SIZE };
	static const unsigned int types[] = { ACCEL_IOCTL_TYPE, 0xa8, 0xaa, 'd', 1, 0xff };
	static char argument[MAX_SIZE];

	for (unsigned int i = 0; i < ARRAY_SIZE(types) * ARRAY_SIZE(sizes) * 4 * 256; i++) {
		unsigned long number = _IOC(i >> 8 & 3, types[(i >> 10) % ARRAY_SIZE(types)],
					    i & 0xff,
					    sizes[(i >> 10) / ARRAY_SIZE(types)]);

		if (!is_known(number, false))
			EXPECT_EQ(-ENOTTY, call(self->fd, number, argument))
				TH_LOG("number %#lx on the compute node", number);
		if (!is_known(number, true))
			EXPECT_EQ(-ENOTTY, call(self->monitor, number, argument))
				TH_LOG("number %#lx on the monitor node", number);
	}
}

TEST_F(fake, a_struct_of_the_right_size_works)
{
	static char argument[MAX_SIZE];

	FOR_EACH_COMMAND(command) {
		command->fill(self->fd, argument);
		EXPECT_EQ(answer_of(command), call(self->fd, command->number, argument))
			TH_LOG("%s", command->name);
	}
}

TEST_F(fake, a_longer_struct_with_a_zero_tail_works)
{
	static const unsigned int more[] = { 1, 4, 8, 64, 4096 };

	FOR_EACH_COMMAND(command) {
		const size_t size = _IOC_SIZE(command->number);

		for (unsigned int i = 0; i < ARRAY_SIZE(more); i++) {
			char *argument = before_hole(size + more[i]);

			command->fill(self->fd, argument);
			EXPECT_EQ(answer_of(command),
				  call(self->fd, resized(command->number, size + more[i]),
				       argument))
				TH_LOG("%s + %u", command->name, more[i]);
			EXPECT_TRUE(all_bytes(argument + size, 0, more[i]));
		}
	}
}

TEST_F(fake, a_longer_struct_with_a_set_tail_is_e2big)
{
	static char argument[MAX_SIZE];

	FOR_EACH_COMMAND(command) {
		const size_t size = _IOC_SIZE(command->number);

		for (size_t at = size; at < MAX_SIZE; at = at < size + 16 ? at + 1 : at * 2) {
			memset(argument, 0, sizeof(argument));
			command->fill(self->fd, argument);
			argument[at] = 1;
			EXPECT_EQ(-E2BIG, call(self->fd, resized(command->number, at + 1),
					       argument))
				TH_LOG("%s, byte %zu", command->name, at);
			EXPECT_EQ(-E2BIG, call(self->fd, resized(command->number, MAX_SIZE),
					       argument));
		}
	}
}

TEST_F(fake, the_largest_struct_works)
{
	FOR_EACH_COMMAND(command) {
		char *argument = before_hole(MAX_SIZE);

		command->fill(self->fd, argument);
		EXPECT_EQ(answer_of(command),
			  call(self->fd, resized(command->number, MAX_SIZE), argument))
			TH_LOG("%s", command->name);
	}
}

TEST_F(fake, a_shorter_struct_works_down_to_its_minimum)
{
	FOR_EACH_COMMAND(command) {
		const size_t full = _IOC_SIZE(command->number);
		char whole[128];

		for (size_t size = command->minimum; size < full; size++) {
			char *argument = before_hole(size);

			command->fill(self->fd, whole);
			memcpy(argument, whole, size);
			EXPECT_EQ(answer_of(command),
				  call(self->fd, resized(command->number, size), argument))
				TH_LOG("%s of %zu bytes", command->name, size);
		}
	}
}

TEST_F(fake, nothing_beyond_a_shorter_struct_is_written)
{
	FOR_EACH_COMMAND(command) {
		const size_t full = _IOC_SIZE(command->number);
		char argument[128];

		for (size_t size = command->minimum; size < full; size++) {
			memset(argument, 0, sizeof(argument));
			command->fill(self->fd, argument);
			memset(argument + size, UNTOUCHED, sizeof(argument) - size);
			EXPECT_EQ(answer_of(command),
				  call(self->fd, resized(command->number, size), argument));
			EXPECT_TRUE(all_bytes((unsigned char *)argument + size, UNTOUCHED,
					      sizeof(argument) - size))
				TH_LOG("%s of %zu bytes", command->name, size);
		}
	}
}

TEST_F(fake, below_the_minimum_is_einval)
{
	FOR_EACH_COMMAND(command) {
		char argument[128] = { 0 };

		for (size_t size = 0; size < command->minimum; size++) {
			command->fill(self->fd, argument);
			EXPECT_EQ(-EINVAL, call(self->fd, resized(command->number, size),
						argument))
				TH_LOG("%s of %zu bytes", command->name, size);
		}
	}
}

TEST_F(fake, a_struct_may_end_at_a_hole_but_not_reach_into_it)
{
	FOR_EACH_COMMAND(command) {
		const size_t size = _IOC_SIZE(command->number);
		char *argument = before_hole(size);
		char whole[128];

		command->fill(self->fd, argument);
		EXPECT_EQ(answer_of(command), call(self->fd, command->number, argument))
			TH_LOG("%s", command->name);

		command->fill(self->fd, whole);
		memcpy(argument, whole, size);
		EXPECT_EQ(-EFAULT, call(self->fd, resized(command->number, size + 1), argument))
			TH_LOG("%s, one byte more", command->name);

		memcpy(argument + 1, whole, size - 1);
		EXPECT_EQ(-EFAULT, call(self->fd, command->number, argument + 1))
			TH_LOG("%s, one byte on", command->name);
	}
}

TEST_F(fake, bad_pointers_are_efault)
{
	FOR_EACH_COMMAND(command) {
		EXPECT_EQ(-EFAULT, call(self->fd, command->number, NULL));
		EXPECT_EQ(-EFAULT, call(self->fd, command->number, NOWHERE));
		EXPECT_EQ(-EFAULT, call(self->fd, command->number, (void *)-PAGE));
	}
}

TEST_F(fake, the_monitor_knows_info_only)
{
	static char argument[MAX_SIZE];

	FOR_EACH_COMMAND(command) {
		command->fill(self->fd, argument);
		EXPECT_EQ(command->on_monitor ? 0 : -ENOTTY,
			  call(self->monitor, command->number, argument))
			TH_LOG("%s", command->name);
	}
}

TEST_F(fake, other_files_have_no_such_commands)
{
	int files[] = {
		open("/dev/null", O_RDWR), open("/", O_RDONLY | O_DIRECTORY),
		open("/proc/self/status", O_RDONLY), memfd_create("other", 0),
	};
	static char argument[MAX_SIZE];

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		ASSERT_LE(0, files[i]);
		FOR_EACH_COMMAND(command) {
			command->fill(self->fd, argument);
			EXPECT_EQ(-ENOTTY, call(files[i], command->number, argument));
		}
		close(files[i]);
	}
}

TEST_F(fake, a_path_or_closed_fd_is_ebadf)
{
	int path = open("/dev/accel", O_PATH);
	struct accel_info argument = { .kind = ACCEL_INFO_STATUS };

	ASSERT_LE(0, path);
	EXPECT_EQ(-EBADF, call(path, ACCEL_IOCTL_INFO, &argument));
	close(path);
	EXPECT_EQ(-EBADF, call(path, ACCEL_IOCTL_INFO, &argument));
}

TEST_F(fake, driver_command_answers)
{
	struct accel_fake_echo echo = { .value = 41, .answer = 7 };

	EXPECT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_ECHO, &echo));
	EXPECT_EQ(42ULL, echo.answer);
	EXPECT_EQ(41ULL, echo.value);
	echo = (struct accel_fake_echo){ .value = UINT64_MAX - 1 };
	EXPECT_EQ(0, call(self->fd, ACCEL_FAKE_IOCTL_ECHO, &echo));
	EXPECT_EQ(UINT64_MAX, echo.answer);
}

TEST_F(fake, driver_command_refuses_and_writes_nothing)
{
	struct accel_fake_echo echo = { .value = UINT64_MAX, .answer = 7 };

	EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_FAKE_IOCTL_ECHO, &echo));
	EXPECT_EQ(7ULL, echo.answer);
	for (int bit = 0; bit < 64; bit++) {
		echo = (struct accel_fake_echo){ .value = 1, .flags = 1ULL << bit, .answer = 7 };
		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_FAKE_IOCTL_ECHO, &echo));
		EXPECT_EQ(7ULL, echo.answer);
	}
}

TEST_HARNESS_MAIN
