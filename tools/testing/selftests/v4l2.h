/* SPDX-License-Identifier: GPL-2.0 */
/* Video devices: their buffers, and v4l2-ctl. */
#ifndef _ACCEL_SELFTESTS_V4L2_H
#define _ACCEL_SELFTESTS_V4L2_H

#include <linux/videodev2.h>
#include <stdarg.h>

#include "common.h"

#define CAPTURE		V4L2_BUF_TYPE_VIDEO_CAPTURE
#define OUTPUT		V4L2_BUF_TYPE_VIDEO_OUTPUT

/* Runs v4l2-ctl; returns whether it was content. */
static inline bool v4l2_ctl(const char *format, ...)
{
	char line[512] = "v4l2-ctl ";
	size_t head = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + head, sizeof(line) - head, format, arguments);
	va_end(arguments);
	strncat(line, " >/dev/null", sizeof(line) - strlen(line) - 1);
	return system(line) == 0;
}

/* Opens /dev/video@number. */
static inline int open_video(int number)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/video%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Bytes of a frame, 0 if the device does not say. */
static inline __u32 frame_size(int fd, __u32 type)
{
	struct v4l2_format format = { .type = type };

	return call(fd, VIDIOC_G_FMT, &format) ? 0 : format.fmt.pix.sizeimage;
}

/* Asks for @count buffers, 0 to give them back. */
static inline int request_buffers(int fd, __u32 type, __u32 memory, __u32 count)
{
	struct v4l2_requestbuffers request = { .type = type, .memory = memory, .count = count };

	return call(fd, VIDIOC_REQBUFS, &request);
}

/* Queues buffer 0, which is dma-buf @buf. */
static inline int queue_dma_buf(int fd, __u32 type, int buf, __u32 size)
{
	struct v4l2_buffer buffer = {
		.type = type, .memory = V4L2_MEMORY_DMABUF, .bytesused = size, .length = size,
		.m.fd = buf,
	};

	return call(fd, VIDIOC_QBUF, &buffer);
}

/* Queues buffer 0, which is the device's own. */
static inline int queue_own(int fd, __u32 type)
{
	struct v4l2_buffer buffer = { .type = type, .memory = V4L2_MEMORY_MMAP };

	return call(fd, VIDIOC_QBUF, &buffer);
}

/* Takes a buffer back; EIO if the device says that what is in it is bad. */
static inline int dequeue(int fd, __u32 type, __u32 memory)
{
	struct v4l2_buffer buffer = { .type = type, .memory = memory };
	int error = call(fd, VIDIOC_DQBUF, &buffer);

	return error ? error : buffer.flags & V4L2_BUF_FLAG_ERROR ? -EIO : 0;
}

static inline int stream(int fd, __u32 type, bool on)
{
	return call(fd, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

/* Lets a camera fill the buffer that is queued. */
static inline int capture_queued(int fd, __u32 memory)
{
	int error = stream(fd, CAPTURE, true);

	if (!error)
		error = dequeue(fd, CAPTURE, memory);
	stream(fd, CAPTURE, false);
	return error;
}

/* Lets a camera fill dma-buf @buf. */
static inline int capture_to(int fd, int buf, __u32 size)
{
	int error = request_buffers(fd, CAPTURE, V4L2_MEMORY_DMABUF, 1);

	if (!error)
		error = queue_dma_buf(fd, CAPTURE, buf, size);
	if (!error)
		error = capture_queued(fd, V4L2_MEMORY_DMABUF);
	request_buffers(fd, CAPTURE, V4L2_MEMORY_DMABUF, 0);
	return error;
}

/* Makes the device allocate a buffer; returns a dma-buf of it or -errno. */
static inline int export_own(int fd, __u32 type)
{
	struct v4l2_exportbuffer export = { .type = type, .flags = O_RDWR | O_CLOEXEC };
	int error = request_buffers(fd, type, V4L2_MEMORY_MMAP, 1);

	if (!error)
		error = call(fd, VIDIOC_EXPBUF, &export);
	return error ? error : export.fd;
}

#endif /* _ACCEL_SELFTESTS_V4L2_H */
