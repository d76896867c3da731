// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of vivid, Linux' camera and display without hardware, in our memory, and ours in its. What
 * is in a frame is up to v4l2-ctl: it takes the one that the camera's must be equal to, and the one
 * that the display shows.
 */
#include <poll.h>
#include <sys/syscall.h>

#include "ethosu.h"
#include "share.h"
#include "v4l2.h"

/* A picture without text, of a size and form that camera and display have in common. */
#define PICTURE		"--set-dv-bt-timings index=0 --set-fmt-video=pixelformat=YUYV -c osd_text_mode=2"
#define SHOWN_PICTURE	"--set-dv-bt-timings index=0 --set-fmt-video-out=pixelformat=YUYV"
#define ONE_FRAME	"--stream-no-query --stream-mmap=2 --stream-count=1 --stream-to=/tmp/frame"

/* A device of vivid: where its frames are, and its nodes. */
struct vivid {
	int camera, display;	/* numbers of its nodes */
	int loop;		/* what connects its camera to its display */
};

static const struct vivid in_vmalloc = { .camera = 0, .display = 1, .loop = 2 };
static const struct vivid contiguous = { .camera = 2, .display = 3, .loop = 3 };

FIXTURE(video)
{
	int fd;
	int camera, display;
	__u32 size;
	unsigned char *reference;
};

FIXTURE_VARIANT(video)
{
	const char *driver;
	const struct vivid *vivid;
};

FIXTURE_VARIANT_ADD(video, fake) { FAKE_DRIVER, &in_vmalloc };
FIXTURE_VARIANT_ADD(video, npu) { ETHOSU_DRIVER, &in_vmalloc };
FIXTURE_VARIANT_ADD(video, npu_contiguous) { ETHOSU_DRIVER, &contiguous };

/* Has v4l2-ctl capture a frame by mmap(), returns it; MAP_FAILED if that fails. */
static unsigned char *frame_of(const struct vivid *vivid, __u32 size)
{
	void *frame = MAP_FAILED;
	struct stat status;
	int file;

	if (!v4l2_ctl("-d %d " ONE_FRAME, vivid->camera))
		return MAP_FAILED;
	file = open("/tmp/frame", O_RDONLY | O_CLOEXEC);
	if (!fstat(file, &status) && status.st_size == size)
		frame = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	unlink("/tmp/frame");
	return frame;
}

/*
 * Connects the camera to vivid's test picture (0) or to a display. That another camera has let a
 * display go reaches this one late.
 */
static bool connect_camera(const struct vivid *vivid, int to)
{
	__s64 end = now_ns() + SLACK_NS;
	bool done;

	do {
		done = v4l2_ctl("-d %d " PICTURE ",hdmi_%03d_0_is_connected_to=%d",
				vivid->camera, vivid == &contiguous, to);
	} while (!done && now_ns() < end);
	return done;
}

/* Opens everything and takes the reference; returns whether that worked. */
static bool set_up(FIXTURE_DATA(video) *self, const char *driver, const struct vivid *vivid)
{
	if (!connect_camera(vivid, 0) ||
	    !v4l2_ctl("-d %d " SHOWN_PICTURE, vivid->display))
		return false;
	self->fd = open_driver(driver);
	self->camera = open_video(vivid->camera);
	self->display = open_video(vivid->display);
	self->size = frame_size(self->camera, CAPTURE);
	if (!self->size || self->size % PAGE || self->size != frame_size(self->display, OUTPUT))
		return false;
	self->reference = frame_of(vivid, self->size);
	return self->reference != MAP_FAILED &&
	       !all_bytes(self->reference, self->reference[0], self->size);
}

FIXTURE_SETUP(video)
{
	ASSERT_TRUE(set_up(self, variant->driver, variant->vivid));
}

static void tear_down(FIXTURE_DATA(video) *self)
{
	munmap(self->reference, self->size);
	close(self->display);
	close(self->camera);
	close(self->fd);
}

FIXTURE_TEARDOWN(video)
{
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
	tear_down(self);
}

TEST_F(video, a_camera_fills_our_buffer)
{
	struct accel_buffer_create buffer;
	unsigned char *ours = create_mapped(self->fd, self->size, &buffer);
	int buf = export_buffer(self->fd, buffer.handle);

	ASSERT_NE((void *)MAP_FAILED, (void *)ours);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, capture_to(self->camera, buf, self->size));
	EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_START));
	EXPECT_EQ(0, memcmp(self->reference, ours, self->size));
	EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_END));
	close(buf);
	munmap(ours, self->size);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
}

/* The camera holds the memory on its own while it is queued. */
TEST_F(video, a_camera_keeps_our_buffer)
{
	struct accel_buffer_create buffer;
	unsigned char *ours = create_mapped(self->fd, self->size, &buffer);
	int buf = export_buffer(self->fd, buffer.handle);

	ASSERT_NE((void *)MAP_FAILED, (void *)ours);
	ASSERT_EQ(0, request_buffers(self->camera, CAPTURE, V4L2_MEMORY_DMABUF, 1));
	ASSERT_EQ(0, queue_dma_buf(self->camera, CAPTURE, buf, self->size));
	close(buf);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
	munmap(ours, self->size);
	EXPECT_EQ((__u64)self->size, memory_of(self->fd).used);
	EXPECT_EQ(0, capture_queued(self->camera, V4L2_MEMORY_DMABUF));
	EXPECT_EQ((__u64)self->size, memory_of(self->fd).used);
	EXPECT_EQ(0, request_buffers(self->camera, CAPTURE, V4L2_MEMORY_DMABUF, 0));
}

/* A device that needs its memory in one piece refuses a camera's that is not. */
TEST_F(video, a_frame_of_the_camera_is_imported)
{
	int buf = export_own(self->camera, CAPTURE);
	struct accel_buffer_import import;
	unsigned char *frame;
	int error;

	ASSERT_LE(0, buf);
	error = import_buffer(self->fd, buf, &import);
	close(buf);
	if (!strcmp(variant->driver, ETHOSU_DRIVER) && variant->vivid == &in_vmalloc) {
		EXPECT_EQ(-EOPNOTSUPP, error);
		return;
	}
	ASSERT_EQ(0, error);
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_IMPORTED, import.placement);
	EXPECT_EQ((__u64)self->size, import.size);
	ASSERT_EQ(0, queue_own(self->camera, CAPTURE));
	ASSERT_EQ(0, capture_queued(self->camera, V4L2_MEMORY_MMAP));
	frame = map_at(self->fd, import.mmap_offset, self->size);
	ASSERT_NE((void *)MAP_FAILED, (void *)frame);
	EXPECT_EQ(0, memcmp(self->reference, frame, self->size));
	/* It stays ours when the camera's owner gives it up. */
	request_buffers(self->camera, CAPTURE, V4L2_MEMORY_MMAP, 0);
	EXPECT_EQ(0, memcmp(self->reference, frame, self->size));
	munmap(frame, self->size);
	EXPECT_EQ(0, close_buffer(self->fd, import.handle));
}

/*
 * Whether the camera of @vivid, connected to display @to, sees @expected before a test is given up.
 * Connected anew each time: vivid takes a connection back when it is late to note the one before.
 */
static bool comes_to_see(const struct vivid *vivid, int to, const unsigned char *expected,
			 __u32 size)
{
	__s64 end = now_ns() + 3 * SLACK_NS;
	bool same;

	do {
		unsigned char *seen = MAP_FAILED;

		if (connect_camera(vivid, to))
			seen = frame_of(vivid, size);
		same = seen != MAP_FAILED && !memcmp(seen, expected, size);
		if (seen != MAP_FAILED)
			munmap(seen, size);
	} while (!same && now_ns() < end);
	return same;
}

/* Shows dma-buf @buf; returns whether the camera comes to see @expected. */
static bool shows(const FIXTURE_DATA(video) *self, const struct vivid *vivid, int buf,
		  const unsigned char *expected)
{
	bool same = !request_buffers(self->display, OUTPUT, V4L2_MEMORY_DMABUF, 1) &&
		    !queue_dma_buf(self->display, OUTPUT, buf, self->size) &&
		    !stream(self->display, OUTPUT, true) &&
		    comes_to_see(vivid, vivid->loop, expected, self->size);

	stream(self->display, OUTPUT, false);
	request_buffers(self->display, OUTPUT, V4L2_MEMORY_DMABUF, 0);
	return same;
}

TEST_F(video, a_display_shows_our_buffer)
{
	struct accel_buffer_create buffer;
	unsigned char *ours = create_mapped(self->fd, self->size, &buffer);
	int buf = export_buffer(self->fd, buffer.handle);

	ASSERT_NE((void *)MAP_FAILED, (void *)ours);
	ASSERT_LE(0, buf);
	EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_START));
	for (__u32 at = 0; at < self->size; at++)
		ours[at] = at * 31 + at / PAGE;
	EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_END));
	EXPECT_TRUE(shows(self, variant->vivid, buf, ours));
	close(buf);
	munmap(ours, self->size);
	EXPECT_EQ(0, close_buffer(self->fd, buffer.handle));
}

/* Returns our copy of a dma-buf that another process has open, or -errno. */
static int dma_buf_of(pid_t process)
{
	int pidfd = syscall(SYS_pidfd_open, process, 0), found = -ENOENT;
	char path[64], target[64];
	ssize_t length;

	for (int fd = 3; fd < 64 && found < 0; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", process, fd);
		length = readlink(path, target, sizeof(target) - 1);
		if (length > 0 && !strncmp(target, "/dmabuf:", 8))
			found = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	}
	close(pidfd);
	return found;
}

/* Whether @frame becomes @expected before a test is given up. */
static bool becomes(const unsigned char *frame, const unsigned char *expected, size_t size)
{
	__s64 end = now_ns() + SLACK_NS;

	while (memcmp(frame, expected, size) && now_ns() < end)
		sleep_ms(10);
	return !memcmp(frame, expected, size);
}

/* Has v4l2-ctl stream on @device in DMABUF mode (@how), in memory of @exporter. */
static pid_t start_v4l2_ctl(int device, int exporter, const char *how)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	char on[32], of[32];
	pid_t child;

	/* Two numbers instead of paths would be one device to it. */
	snprintf(on, sizeof(on), "/dev/video%d", device);
	snprintf(of, sizeof(of), "/dev/video%d", exporter);
	child = fork();
	if (child) {
		close(nowhere);
		return child;
	}
	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	execlp("v4l2-ctl", "v4l2-ctl", "-d", on, "-E", of, "--stream-no-query", how, NULL);
	_exit(127);
}

/* A dma-buf that @child streams in, as soon as there is one; or -errno. */
static int wait_for_dma_buf(pid_t child)
{
	__s64 end = now_ns() + SLACK_NS;
	int buf;

	do {
		buf = dma_buf_of(child);
	} while (buf < 0 && now_ns() < end);
	return buf;
}

/* v4l2-ctl captures to memory of the display. We still have it when v4l2-ctl was killed. */
TEST(we_see_what_v4l2_ctl_captures)
{
	FIXTURE_DATA(video) self;
	const struct vivid *vivid = &in_vmalloc;
	struct accel_buffer_import import;
	unsigned char *frame;
	pid_t child;
	int buf;

	ASSERT_TRUE(set_up(&self, FAKE_DRIVER, vivid));
	child = start_v4l2_ctl(vivid->camera, vivid->display, "--stream-dmabuf");
	buf = wait_for_dma_buf(child);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, import_buffer(self.fd, buf, &import));
	close(buf);
	frame = map_at(self.fd, import.mmap_offset, self.size);
	ASSERT_NE((void *)MAP_FAILED, (void *)frame);
	EXPECT_TRUE(becomes(frame, self.reference, self.size));
	kill(child, SIGKILL);
	EXPECT_EQ(SIGKILL, death_signal(child));
	EXPECT_EQ(0, memcmp(self.reference, frame, self.size));
	munmap(frame, self.size);
	tear_down(&self);
}

/* v4l2-ctl shows a picture of its own in memory of the camera; the other camera looks at it. */
TEST(we_see_what_v4l2_ctl_shows)
{
	FIXTURE_DATA(video) self;
	const struct vivid *vivid = &in_vmalloc, *other = &contiguous;
	struct accel_buffer_import import;
	unsigned char *frame;
	pid_t child;
	int buf;

	ASSERT_TRUE(set_up(&self, FAKE_DRIVER, vivid));
	child = start_v4l2_ctl(vivid->display, vivid->camera, "--stream-out-dmabuf");
	buf = wait_for_dma_buf(child);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, import_buffer(self.fd, buf, &import));
	close(buf);
	frame = map_at(self.fd, import.mmap_offset, self.size);
	ASSERT_NE((void *)MAP_FAILED, (void *)frame);
	EXPECT_TRUE(comes_to_see(other, vivid->loop, frame, self.size));
	EXPECT_FALSE(all_bytes(frame, frame[0], self.size));
	kill(child, SIGKILL);
	EXPECT_EQ(SIGKILL, death_signal(child));
	munmap(frame, self.size);
	EXPECT_TRUE(connect_camera(other, 0));
	tear_down(&self);
}

/* A camera that needs memory in one piece takes what happens to be so, and refuses what is not. */
TEST(a_camera_is_right_or_refuses_scattered_memory)
{
	FIXTURE_DATA(video) self;

	ASSERT_TRUE(set_up(&self, FAKE_DRIVER, &contiguous));
	for (int i = 0; i < 8; i++) {
		struct accel_buffer_create buffer;
		unsigned char *ours = create_mapped(self.fd, self.size, &buffer);
		int buf = export_buffer(self.fd, buffer.handle), error;

		ASSERT_NE((void *)MAP_FAILED, (void *)ours);
		error = capture_to(self.camera, buf, self.size);
		EXPECT_TRUE(error == -EFAULT ||
			    (!error && !memcmp(self.reference, ours, self.size)))
			TH_LOG("error %d", error);
		munmap(ours, self.size);
		close(buf);
	}
	tear_down(&self);
}

/* Has the NPU copy @size bytes. */
static int copy_frame(int fd, __u32 in, __u32 out, __u32 size)
{
	struct ethosu_job job;

	copy(&job, in, 0, out, 0);
	job.payload.words[7] = size;
	return run_ethosu(fd, &job, NULL);
}

/* From the camera by the NPU to the display, without a copy by the CPU. */
TEST(the_npu_works_between_camera_and_display)
{
	FIXTURE_DATA(video) self;
	struct accel_buffer_create result;
	struct accel_buffer_import frame;
	int from, to;

	ASSERT_TRUE(set_up(&self, ETHOSU_DRIVER, &contiguous));
	from = export_own(self.camera, CAPTURE);
	ASSERT_EQ(0, import_buffer(self.fd, from, &frame));
	ASSERT_EQ(0, create(self.fd, self.size, &result));
	to = export_buffer(self.fd, result.handle);
	ASSERT_LE(0, to);
	ASSERT_EQ(0, queue_own(self.camera, CAPTURE));
	ASSERT_EQ(0, capture_queued(self.camera, V4L2_MEMORY_MMAP));
	ASSERT_EQ(0, copy_frame(self.fd, frame.handle, result.handle, self.size));
	EXPECT_EQ(0, request_buffers(self.camera, CAPTURE, V4L2_MEMORY_MMAP, 0));
	EXPECT_TRUE(shows(&self, &contiguous, to, self.reference));
	close(from);
	close(to);
	tear_down(&self);
}

TEST_HARNESS_MAIN
