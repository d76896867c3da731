// SPDX-License-Identifier: GPL-2.0
/* Fences of jobs, and those that jobs wait for because of the buffers they name. */
#include <drm/vgem_drm.h>

#include "device.h"
#include "fence.h"
#include "job.h"

#define READ		ACCEL_BUFFER_READ
#define WRITE		ACCEL_BUFFER_WRITE
#define NO_SYNC		ACCEL_BUFFER_NO_SYNC

/* How long to look that nothing happens. */
#define A_WHILE_MS	30

/* Submits @op with the buffers of @list; returns the number of the job or -errno. */
static __s64 submit_list(int fd, __u32 op, __u32 arg, struct accel_submit_buffer *list, __u32 count)
{
	struct job job;
	int error;

	prepare(&job, op, arg, 0);
	job.entry.buffers = user(list);
	job.entry.nr_buffers = count;
	error = submit_prepared(fd, &job);
	return error ? error : (__s64)job.entry.job;
}

static __s64 submit_use(int fd, __u32 op, __u32 arg, __u32 handle, __u32 use)
{
	struct accel_submit_buffer list[] = { { handle, use } };

	return submit_list(fd, op, arg, list, 1);
}

static struct accel_job_status status_now(int fd, __u64 job)
{
	struct accel_job_status status;

	wait_until(fd, job, 0, &status);
	return status;
}

/* Whether a job has not even begun after a while. */
static bool waits(int fd, __u64 job)
{
	struct accel_job_status status;

	return wait_until(fd, job, in_ms(A_WHILE_MS), &status) == -ETIMEDOUT &&
	       status.state == ACCEL_JOB_QUEUED && status.start_ns == 0;
}

/* Two devices, and a gate: a buffer with a fence of sw_sync, to make jobs wait. */
FIXTURE(fence)
{
	int fd, other;		/* clients of two devices */
	int counter, gate;	/* of sw_sync, and a dma-buf */
	__u32 closed;		/* the gate in @fd: its reader waits for the counter */
	int buf;		/* a dma-buf of @fd */
	__u32 ours, theirs;	/* its handles in @fd and @other */
	unsigned char *memory;
};

FIXTURE_SETUP(fence)
{
	struct accel_buffer_create buffer;
	struct accel_buffer_import import;

	self->fd = open_fake(SHARED);
	self->other = open_fake(EXCLUSIVE);
	self->counter = open_sw_sync();
	self->gate = udmabuf(PAGE);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->other);
	ASSERT_LE(0, self->counter);
	ASSERT_LE(0, self->gate);
	ASSERT_EQ(0, import_buffer(self->fd, self->gate, &import));
	self->closed = import.handle;
	ASSERT_EQ(0, attach_fence(self->gate, sw_fence(self->counter, 1),
				  DMA_BUF_SYNC_WRITE));
	self->memory = create_mapped(self->fd, PAGE, &buffer);
	self->ours = buffer.handle;
	self->buf = export_buffer(self->fd, self->ours);
	ASSERT_LE(0, self->buf);
	ASSERT_EQ(0, import_buffer(self->other, self->buf, &import));
	self->theirs = import.handle;
}

FIXTURE_TEARDOWN(fence)
{
	munmap(self->memory, PAGE);
	close(self->buf);
	close(self->gate);
	close(self->counter);
	close(self->other);
	close(self->fd);
}

/* Submits to @fd what uses the shared buffer as @use and waits for the gate. */
static __s64 submit_held(FIXTURE_DATA(fence) *self, __u32 op, __u32 arg, __u32 use)
{
	struct accel_submit_buffer list[] = { { self->ours, use }, { self->closed, READ } };

	return submit_list(self->fd, op, arg, list, 2);
}

TEST_F(fence, jobs_of_one_queue_do_not_wait_for_each_others_fences)
{
	for (int i = 1; i <= 10; i++)
		ASSERT_EQ(i, submit_use(self->fd, ACCEL_FAKE_NOP, 0, self->ours, WRITE));
	EXPECT_EQ(0, wait_job(self->fd, 10));
}

TEST_F(fence, a_job_behind_one_that_waits_waits_and_other_queues_go_on)
{
	struct accel_job_status first, second;
	int unaffected = open_fake(SHARED);

	ASSERT_EQ(1LL, submit_held(self, ACCEL_FAKE_NOP, 0, READ));
	ASSERT_EQ(2LL, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0, run_nop(unaffected));
	EXPECT_TRUE(waits(self->fd, 1));
	EXPECT_TRUE(waits(self->fd, 2));
	EXPECT_EQ(0, run_nop(unaffected));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(0, wait_until(self->fd, 2, FOREVER, &second));
	EXPECT_EQ(0, wait_until(self->fd, 1, FOREVER, &first));
	EXPECT_LE(first.end_ns, second.start_ns);
	EXPECT_EQ(3LL, submit_held(self, ACCEL_FAKE_NOP, 0, READ));
	EXPECT_EQ(0, wait_job(self->fd, 3));
	close(unaffected);
}

TEST_F(fence, the_time_out_counts_from_the_start)
{
	ASSERT_EQ(1LL, submit_held(self, ACCEL_FAKE_DELAY, 10, READ));
	sleep_ms(FAKE_TIMEOUT_NS / NSEC_PER_MSEC + 100);
	EXPECT_TRUE(waits(self->fd, 1));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, 1));
}

TEST_F(fence, waiting_jobs_count_as_unfinished)
{
	for (int i = 1; i <= ACCEL_QUEUE_DEPTH; i++)
		ASSERT_EQ(i, submit_held(self, ACCEL_FAKE_NOP, 0, READ));
	EXPECT_EQ(-EDQUOT, submit(self->fd, ACCEL_FAKE_NOP, 0));
	EXPECT_EQ(0U, engine_of(self->fd).queued);
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, ACCEL_QUEUE_DEPTH));
	EXPECT_EQ(ACCEL_QUEUE_DEPTH + 1, submit(self->fd, ACCEL_FAKE_NOP, 0));
}

TEST_F(fence, a_dependency_that_failed_has_ended)
{
	ASSERT_EQ(1LL, submit_held(self, ACCEL_FAKE_NOP, 0, READ));
	EXPECT_TRUE(waits(self->fd, 1));
	close(self->counter);
	EXPECT_EQ(0, wait_job(self->fd, 1));
	self->counter = -1;
}

TEST_F(fence, a_job_waits_for_all_of_many)
{
	enum { COUNT = 20 };
	struct accel_submit_buffer list[COUNT];
	int counters[COUNT];

	for (int i = 0; i < COUNT; i++) {
		struct accel_buffer_import import;
		int buf = udmabuf(PAGE);

		counters[i] = open_sw_sync();
		ASSERT_EQ(0, attach_fence(buf, sw_fence(counters[i], 1),
					  DMA_BUF_SYNC_READ));
		ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
		list[i] = (struct accel_submit_buffer){ import.handle, WRITE };
		close(buf);
	}
	ASSERT_EQ(1LL, submit_list(self->fd, ACCEL_FAKE_NOP, 0, list, COUNT));
	/* In an order that is neither that of the list nor its reverse. */
	for (int i = 0; i < COUNT; i++) {
		EXPECT_EQ(-ETIMEDOUT, wait_until(self->fd, 1, in_ms(1), NULL));
		ASSERT_EQ(0, sw_increase(counters[i * 7 % COUNT], 1));
	}
	EXPECT_EQ(0, wait_job(self->fd, 1));
	for (int i = 0; i < COUNT; i++)
		close(counters[i]);
}

TEST_F(fence, a_buffer_named_in_several_ways_is_used_in_all_of_them)
{
	struct accel_buffer_import again;
	struct accel_submit_buffer list[] = {
		{ self->ours, READ | NO_SYNC }, { 0, READ }, { self->ours, READ },
		{ self->closed, READ }, { self->ours, WRITE }, { self->ours, WRITE | NO_SYNC },
	};

	/* Another handle of the same memory. */
	ASSERT_EQ(0, import_buffer(self->fd, self->buf, &again));
	list[1].handle = again.handle;
	ASSERT_EQ(1LL, submit_list(self->fd, ACCEL_FAKE_NOP, 0, list, ARRAY_SIZE(list)));
	ASSERT_EQ(1LL, submit_use(self->other, ACCEL_FAKE_NOP, 0, self->theirs, READ));
	EXPECT_TRUE(waits(self->other, 1));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(0, wait_job(self->other, 1));
}

TEST_F(fence, a_buffer_of_a_waiting_job_can_be_closed)
{
	struct accel_submit_buffer list[] = { { self->closed, READ } };

	ASSERT_EQ(1LL, submit_list(self->fd, ACCEL_FAKE_NOP, 0, list, 1));
	ASSERT_EQ(2LL, submit_with(self->fd, ACCEL_FAKE_FILL, 0x42, self->ours));
	EXPECT_EQ(0, close_buffer(self->fd, self->ours));
	EXPECT_EQ(0, close_buffer(self->fd, self->closed));
	EXPECT_TRUE(waits(self->fd, 2));
	EXPECT_TRUE(all_bytes(self->memory, 0, PAGE));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	EXPECT_TRUE(all_bytes(self->memory, 0x42, PAGE));
}

TEST_F(fence, a_sync_file_of_the_dma_buf_is_the_fence_of_the_job)
{
	struct accel_info_device device;
	struct sync_fence_info said;
	char name[32];
	int fence;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	snprintf(name, sizeof(name), "accel%u/queue0", device.index);
	ASSERT_EQ(1LL, submit_held(self, ACCEL_FAKE_NOP, 0, WRITE));
	fence = detach_fence(self->buf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, fence);
	said = fence_info(fence);
	EXPECT_EQ(0, said.status);
	EXPECT_STREQ("accel_fake", said.driver_name);
	EXPECT_STREQ(name, said.obj_name);
	EXPECT_EQ(0, poll_for(fence, POLLIN, 0));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(POLLIN, poll_for(fence, POLLIN, SLACK_NS / NSEC_PER_MSEC));
	/* Whoever knows by the fence that the job has ended sees that in its status. */
	EXPECT_EQ((__u32)ACCEL_JOB_DONE, status_now(self->fd, 1).state);
	said = fence_info(fence);
	EXPECT_EQ(1, said.status);
	EXPECT_EQ(status_now(self->fd, 1).end_ns, said.timestamp_ns);
	close(fence);
}

TEST_F(fence, a_sync_file_says_how_the_job_failed)
{
	static const struct {
		__u32 op, arg;
		int error;
	} failures[] = {
		{ ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, -EIO },
		{ ACCEL_FAKE_FAULT, ACCEL_FAULT_RESET, -ENODATA },
		{ ACCEL_FAKE_FAIL_START, 0, -EIO },
		{ ACCEL_FAKE_HANG, 0, -ETIME },
	};

	ASSERT_EQ(0, sw_increase(self->counter, 1));
	for (unsigned int i = 0; i < ARRAY_SIZE(failures); i++) {
		int counter = open_sw_sync(), fence;
		__s64 job;

		ASSERT_EQ(0, attach_fence(self->gate, sw_fence(counter, 1),
					  DMA_BUF_SYNC_WRITE));
		job = submit_held(self, failures[i].op, failures[i].arg, WRITE);
		ASSERT_LT(0LL, job);
		fence = detach_fence(self->buf, DMA_BUF_SYNC_READ);
		ASSERT_EQ(0, sw_increase(counter, 1));
		EXPECT_EQ(failures[i].error, wait_job(self->fd, job));
		EXPECT_EQ(failures[i].error, fence_info(fence).status);
		close(fence);
		close(counter);
	}
}

TEST_F(fence, a_dma_buf_polls_as_its_users_allow)
{
	const short both = POLLIN | POLLOUT;

	EXPECT_EQ(both, poll_for(self->buf, both, 0));
	ASSERT_EQ(1LL, submit_held(self, ACCEL_FAKE_NOP, 0, READ));
	EXPECT_EQ(POLLIN, poll_for(self->buf, POLLIN, 0));
	EXPECT_EQ(0, poll_for(self->buf, POLLOUT, A_WHILE_MS));
	ASSERT_EQ(2LL, submit_use(self->fd, ACCEL_FAKE_NOP, 0, self->ours, WRITE));
	EXPECT_EQ(0, poll_for(self->buf, both, A_WHILE_MS));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(POLLOUT, poll_for(self->buf, POLLOUT, SLACK_NS / NSEC_PER_MSEC));
	EXPECT_EQ(both, poll_for(self->buf, both, 0));
	EXPECT_EQ((__u32)ACCEL_JOB_DONE, status_now(self->fd, 2).state);
}

TEST_F(fence, without_sync_a_dma_buf_polls_as_if_unused)
{
	ASSERT_EQ(1LL, submit_held(self, ACCEL_FAKE_NOP, 0, WRITE | NO_SYNC));
	EXPECT_EQ(POLLIN | POLLOUT, poll_for(self->buf, POLLIN | POLLOUT, 0));
	EXPECT_EQ(0, sync_buffer(self->buf, DMA_BUF_SYNC_START));
	EXPECT_EQ(0, sync_buffer(self->buf, DMA_BUF_SYNC_END));
	EXPECT_TRUE(waits(self->fd, 1));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, 1));
}

TEST_F(fence, the_cpu_waits_in_dma_buf_sync)
{
	ASSERT_EQ(1LL, submit_use(self->fd, ACCEL_FAKE_DELAY, 50, self->ours, WRITE));
	EXPECT_EQ(0, sync_buffer(self->buf, DMA_BUF_SYNC_START));
	EXPECT_EQ((__u32)ACCEL_JOB_DONE, status_now(self->fd, 1).state);
	EXPECT_EQ(0, sync_buffer(self->buf, DMA_BUF_SYNC_END));
}

TEST_F(fence, what_is_exported_while_in_use_is_busy)
{
	struct accel_buffer_create buffer;
	struct accel_submit_buffer list[] = { { 0, READ }, { self->closed, READ } };
	struct accel_buffer_import import;
	int buf;

	ASSERT_EQ(0, create(self->fd, PAGE, &buffer));
	list[0].handle = buffer.handle;
	ASSERT_EQ(1LL, submit_list(self->fd, ACCEL_FAKE_NOP, 0, list, 2));
	buf = export_buffer(self->fd, buffer.handle);
	ASSERT_LE(0, buf);
	EXPECT_EQ(0, poll_for(buf, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, import_buffer(self->other, buf, &import));
	ASSERT_EQ(1LL, submit_use(self->other, ACCEL_FAKE_NOP, 0, import.handle, READ));
	EXPECT_TRUE(waits(self->other, 1));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(0, wait_job(self->other, 1));
	EXPECT_EQ(POLLIN | POLLOUT, poll_for(buf, POLLIN | POLLOUT, 0));
	close(buf);
}

TEST_F(fence, closing_the_file_cancels_what_waits)
{
	int fence, late;

	ASSERT_EQ(1LL, submit_use(self->fd, ACCEL_FAKE_DELAY, 50, self->ours, READ));
	ASSERT_EQ(2LL, submit_held(self, ACCEL_FAKE_NOP, 0, WRITE));
	ASSERT_EQ(3LL, submit_use(self->fd, ACCEL_FAKE_NOP, 0, self->ours, WRITE));
	fence = detach_fence(self->buf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, fence);
	ASSERT_EQ(1LL, submit_use(self->other, ACCEL_FAKE_NOP, 0, self->theirs, READ));
	munmap(self->memory, PAGE);
	close(self->fd);
	EXPECT_EQ(POLLIN, poll_for(fence, POLLIN, SLACK_NS / NSEC_PER_MSEC));
	EXPECT_EQ(-ECANCELED, fence_info(fence).status);
	EXPECT_EQ(0, wait_job(self->other, 1));
	late = detach_fence(self->buf, DMA_BUF_SYNC_RW);
	EXPECT_EQ(POLLIN, poll_for(late, POLLIN, SLACK_NS / NSEC_PER_MSEC));
	close(late);
	close(fence);
	self->fd = open_fake(SHARED);
	EXPECT_EQ(0U, engine_of(self->fd).queued);
}

/* A device that can be removed, with a buffer and a job that waits for the gate. */
struct removable {
	int number, fd, buf, fence;
	__u32 handle;
};

static int add_removable(struct removable *device, int gate)
{
	struct accel_buffer_import import;
	struct accel_buffer_create buffer;
	struct accel_submit_buffer list[2];

	device->number = add_shared_fake();
	device->fd = open_fake(device->number);
	if (create(device->fd, PAGE, &buffer) || import_buffer(device->fd, gate, &import))
		return -EINVAL;
	device->handle = buffer.handle;
	device->buf = export_buffer(device->fd, buffer.handle);
	list[0] = (struct accel_submit_buffer){ buffer.handle, WRITE };
	list[1] = (struct accel_submit_buffer){ import.handle, READ };
	if (submit_list(device->fd, ACCEL_FAKE_NOP, 0, list, 2) != 1)
		return -EINVAL;
	device->fence = detach_fence(device->buf, DMA_BUF_SYNC_READ);
	return device->fence < 0 ? device->fence : 0;
}

static void close_removable(struct removable *device)
{
	close(device->fence);
	close(device->buf);
	close(device->fd);
}

TEST_F(fence, what_waits_ends_when_the_device_goes)
{
	struct removable device;
	struct waiter waiter;
	struct accel_buffer_import import;

	ASSERT_EQ(0, add_removable(&device, self->gate));
	ASSERT_EQ(2LL, submit(device.fd, ACCEL_FAKE_NOP, 0));
	ASSERT_EQ(0, import_buffer(self->other, device.buf, &import));
	ASSERT_EQ(1LL, submit_use(self->other, ACCEL_FAKE_NOP, 0, import.handle, READ));
	ASSERT_EQ(0, start_waiter(&waiter, device.fd, 2));
	EXPECT_TRUE(waits(self->other, 1));
	EXPECT_EQ(0, remove_fake(device.number));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(-ENODEV, waiter.error);
	EXPECT_EQ((__u32)ACCEL_FAULT_GONE, waiter.status.fault);
	EXPECT_EQ(-ENODEV, fence_info(device.fence).status);
	EXPECT_EQ(0, wait_job(self->other, 1));
	EXPECT_EQ(0, sw_increase(self->counter, 1));
	close_removable(&device);
}

TEST_F(fence, what_waits_while_the_device_is_wedged_is_lost)
{
	struct accel_fake_fail_resets resets = { .count = 100 };
	struct removable device;
	int second;

	ASSERT_EQ(0, add_removable(&device, self->gate));
	second = open_fake(device.number);
	ASSERT_EQ(0, call(second, ACCEL_FAKE_IOCTL_FAIL_RESETS, &resets));
	EXPECT_EQ(-ETIME, run(second, ACCEL_FAKE_HANG, 0, NULL));
	EXPECT_EQ(-EIO, submit(device.fd, ACCEL_FAKE_NOP, 0));
	EXPECT_TRUE(waits(device.fd, 1));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(-ENODATA, wait_job(device.fd, 1));
	EXPECT_EQ(-ENODATA, fence_info(device.fence).status);
	close(second);
	close_removable(&device);
	EXPECT_EQ(0, remove_fake(device.number));
}

/* What two jobs do with a buffer, and whether the second one waits for the first. */
static const struct {
	__u32 first, second;
	bool waits;
} pairs[] = {
	{ READ, READ, false },
	{ READ, WRITE, true },
	{ WRITE, READ, true },
	{ WRITE, WRITE, true },
	{ READ | WRITE, READ, true },
	{ READ, READ | WRITE, true },
	{ WRITE | NO_SYNC, READ, false },
	{ WRITE | NO_SYNC, WRITE, false },
	{ READ | NO_SYNC, WRITE, false },
	{ WRITE, READ | NO_SYNC, false },
	{ WRITE, WRITE | NO_SYNC, false },
};

TEST_F(fence, jobs_of_two_devices_wait_for_each_other)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct accel_job_status first, second;
		__u64 job = i + 1;

		ASSERT_EQ(0, attach_fence(self->gate, sw_fence(self->counter, i + 1),
					  DMA_BUF_SYNC_WRITE));
		ASSERT_EQ((__s64)job, submit_held(self, ACCEL_FAKE_NOP, 0, pairs[i].first));
		ASSERT_EQ((__s64)job, submit_use(self->other, ACCEL_FAKE_NOP, 0, self->theirs,
						 pairs[i].second));
		if (!pairs[i].waits)
			EXPECT_EQ(0, wait_job(self->other, job));
		EXPECT_EQ(pairs[i].waits, waits(self->other, job)) TH_LOG("pair %u", i);
		EXPECT_TRUE(waits(self->fd, job));
		ASSERT_EQ(0, sw_increase(self->counter, 1));
		EXPECT_EQ(0, wait_until(self->other, job, FOREVER, &second));
		EXPECT_EQ(0, wait_until(self->fd, job, FOREVER, &first));
		EXPECT_EQ(pairs[i].waits, first.end_ns <= second.start_ns);
	}
}

/* What sw_sync says it does with a buffer, as DMA_BUF_SYNC_, what a job does, and as above. */
static const struct {
	__u32 theirs, use;
	bool waits;
} against_sw_sync[] = {
	{ DMA_BUF_SYNC_READ, READ, false },
	{ DMA_BUF_SYNC_READ, WRITE, true },
	{ DMA_BUF_SYNC_WRITE, READ, true },
	{ DMA_BUF_SYNC_WRITE, WRITE, true },
	{ DMA_BUF_SYNC_RW, READ, true },
	{ DMA_BUF_SYNC_WRITE, READ | NO_SYNC, false },
	{ DMA_BUF_SYNC_WRITE, WRITE | NO_SYNC, false },
};

TEST_F(fence, a_job_waits_for_fences_of_sw_sync)
{
	/* On ours, and on one that another driver exported. */
	const struct {
		int buf;
		__u32 handle;
	} buffers[] = { { self->buf, self->ours }, { self->gate, self->closed } };
	__u64 job = 0;

	ASSERT_EQ(0, sw_increase(self->counter, 1));
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(against_sw_sync); i++) {
		int buf = buffers[i % 2].buf, fence = sw_fence(self->counter, i + 2);
		__u32 handle = buffers[i % 2].handle, use = against_sw_sync[i / 2].use;
		bool expected = against_sw_sync[i / 2].waits;

		ASSERT_EQ(0, attach_fence(buf, fence, against_sw_sync[i / 2].theirs));
		ASSERT_EQ((__s64)++job, submit_use(self->fd, ACCEL_FAKE_NOP, 0, handle, use));
		if (!expected)
			EXPECT_EQ(0, wait_job(self->fd, job));
		EXPECT_EQ(expected, waits(self->fd, job)) TH_LOG("case %u", i);
		ASSERT_EQ(0, sw_increase(self->counter, 1));
		EXPECT_EQ(0, wait_job(self->fd, job));
	}
}

/* A buffer of vgem, and whether vgem can attach a fence: not while it would have to wait. */
struct vgem {
	int fd;
	__u32 handle, fence;
};

static int make_vgem(struct vgem *vgem, int *buf)
{
	struct drm_mode_create_dumb dumb = { .width = PAGE / 4, .height = 1, .bpp = 32 };
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	int error;

	vgem->fd = open_vgem();
	error = call(vgem->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);
	vgem->handle = dumb.handle;
	prime.handle = dumb.handle;
	error = error ?: call(vgem->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	*buf = prime.fd;
	return error;
}

static int attach_vgem(struct vgem *vgem, __u32 flags)
{
	struct drm_vgem_fence_attach attach = { .handle = vgem->handle, .flags = flags };
	int error = call(vgem->fd, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach);

	vgem->fence = attach.out_fence;
	return error;
}

static int signal_vgem(struct vgem *vgem)
{
	struct drm_vgem_fence_signal signal = { .fence = vgem->fence };

	return call(vgem->fd, DRM_IOCTL_VGEM_FENCE_SIGNAL, &signal);
}

TEST_F(fence, a_job_waits_for_fences_of_vgem)
{
	struct accel_buffer_import import;
	struct vgem vgem;
	int buf;

	ASSERT_EQ(0, make_vgem(&vgem, &buf));
	ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
	ASSERT_EQ(0, attach_vgem(&vgem, 0));
	ASSERT_EQ(1LL, submit_use(self->fd, ACCEL_FAKE_NOP, 0, import.handle, READ));
	EXPECT_EQ(0, wait_job(self->fd, 1));
	ASSERT_EQ(2LL, submit_use(self->fd, ACCEL_FAKE_NOP, 0, import.handle, WRITE));
	EXPECT_TRUE(waits(self->fd, 2));
	ASSERT_EQ(0, signal_vgem(&vgem));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	ASSERT_EQ(0, attach_vgem(&vgem, VGEM_FENCE_WRITE));
	ASSERT_EQ(3LL, submit_use(self->fd, ACCEL_FAKE_NOP, 0, import.handle, READ));
	EXPECT_TRUE(waits(self->fd, 3));
	ASSERT_EQ(0, signal_vgem(&vgem));
	EXPECT_EQ(0, wait_job(self->fd, 3));
	close(buf);
	close(vgem.fd);
}

TEST_F(fence, vgem_sees_the_fences_of_jobs)
{
	struct accel_submit_buffer list[] = { { self->closed, READ }, { 0, READ } };
	struct accel_buffer_import import;
	struct vgem vgem;
	int buf;

	ASSERT_EQ(0, make_vgem(&vgem, &buf));
	ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
	list[1].handle = import.handle;
	ASSERT_EQ(1LL, submit_list(self->fd, ACCEL_FAKE_NOP, 0, list, 2));
	EXPECT_EQ(0, attach_vgem(&vgem, 0));
	EXPECT_EQ(0, signal_vgem(&vgem));
	EXPECT_EQ(-EBUSY, attach_vgem(&vgem, VGEM_FENCE_WRITE));
	list[1].flags = WRITE;
	ASSERT_EQ(2LL, submit_list(self->fd, ACCEL_FAKE_NOP, 0, list, 2));
	EXPECT_EQ(-EBUSY, attach_vgem(&vgem, 0));
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	EXPECT_EQ(0, wait_job(self->fd, 2));
	EXPECT_EQ(0, attach_vgem(&vgem, VGEM_FENCE_WRITE));
	EXPECT_EQ(0, signal_vgem(&vgem));
	close(buf);
	close(vgem.fd);
}

/* Names a buffer in jobs while another thread exports it for the first time. */
struct sharer {
	int fd;
	__u32 handle;
	int buf;
};

static void *share_main(void *argument)
{
	struct sharer *sharer = argument;

	sharer->buf = export_buffer(sharer->fd, sharer->handle);
	return NULL;
}

TEST_F_TIMEOUT(fence, no_job_escapes_an_export, 600)
{
	ASSERT_EQ(0, sw_increase(self->counter, 1));
	for (int round = 0; round < times(200); round++) {
		struct sharer sharer = { self->fd, handle_of(self->fd, PAGE), -1 };
		__s64 last = 0;
		pthread_t thread;
		struct accel_job_status status;

		ASSERT_EQ(0, pthread_create(&thread, NULL, share_main, &sharer));
		for (int i = 0; i < 4; i++)
			last = submit_use(self->fd, ACCEL_FAKE_DELAY, 1, sharer.handle, WRITE);
		ASSERT_LT(0LL, last);
		pthread_join(thread, NULL);
		ASSERT_LE(0, sharer.buf);
		/* Once the dma-buf is idle, so is every job that named the buffer. */
		ASSERT_EQ(POLLOUT, poll_for(sharer.buf, POLLOUT, SLACK_NS / NSEC_PER_MSEC));
		status = status_now(self->fd, last);
		ASSERT_EQ((__u32)ACCEL_JOB_DONE, status.state);
		close(sharer.buf);
		ASSERT_EQ(0, close_buffer(self->fd, sharer.handle));
	}
}

TEST_HARNESS_MAIN
