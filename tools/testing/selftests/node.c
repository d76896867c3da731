// SPDX-License-Identifier: GPL-2.0
/* The files themselves: opening, exclusiveness, file operations, passing on. */
#include <grp.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "buffer.h"
#include "fixture.h"
#include "job.h"

FIXTURE(exclusive)
{
	int index;
	int fd;
	int monitor;
};

FIXTURE_SETUP(exclusive)
{
	self->index = fake_index(EXCLUSIVE);
	ASSERT_LE(0, self->index);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	self->monitor = open_monitor(self->index);
	ASSERT_LE(0, self->monitor);
}

FIXTURE_TEARDOWN(exclusive)
{
	close(self->fd);
	close(self->monitor);
}

TEST_F(exclusive, a_second_client_is_refused_and_counted)
{
	struct accel_info_clients before = clients_of(self->monitor), after;

	EXPECT_EQ(-EBUSY, open_compute(self->index));
	EXPECT_EQ(-EBUSY, open_node("accel", self->index, O_RDWR | O_NONBLOCK));
	EXPECT_EQ(-EBUSY, open_node("accel", self->index, O_RDONLY));
	after = clients_of(self->monitor);
	EXPECT_EQ(1U, after.clients);
	EXPECT_EQ(before.refused + 3, after.refused);
	EXPECT_EQ(before.opens, after.opens);
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(exclusive, the_next_client_may_come_after_the_last_close)
{
	int copy = dup(self->fd);

	close(self->fd);
	EXPECT_EQ(-EBUSY, open_compute(self->index));
	close(copy);
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, run_nop(self->fd));
}

TEST_F(exclusive, a_forked_child_keeps_it_taken)
{
	int gate[2];
	pid_t child;

	ASSERT_EQ(0, pipe(gate));
	child = fork();
	if (!child) {
		char byte;

		close(gate[1]);
		_exit(read(gate[0], &byte, 1));
	}
	close(self->fd);
	EXPECT_EQ(-EBUSY, open_compute(self->index));
	close(gate[1]);
	EXPECT_EQ(0, exit_code(child));
	self->fd = open_compute(self->index);
	EXPECT_LE(0, self->fd);
}

TEST_F(exclusive, monitors_come_and_go_meanwhile)
{
	struct accel_info_status status;

	for (int i = 0; i < 10; i++) {
		int monitor = open_monitor(self->index);

		ASSERT_LE(0, monitor);
		EXPECT_EQ(0, info(monitor, ACCEL_INFO_STATUS, &status, sizeof(status)));
		close(monitor);
	}
}

TEST_F(exclusive, one_of_many_racing_clients_wins)
{
	struct accel_info_clients before;
	pid_t children[8];
	int won = 0, gate[2];

	ASSERT_EQ(0, pipe(gate));
	close(self->fd);
	before = clients_of(self->monitor);
	for (unsigned int i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (!children[i]) {
			int fd = open_compute(self->index);
			char byte;

			close(gate[1]);
			/* Holds what it got until everybody has tried. */
			if (read(gate[0], &byte, 1) < 0)
				_exit(3);
			_exit(fd >= 0 ? 1 : fd == -EBUSY ? 0 : 2);
		}
	}
	while (clients_of(self->monitor).refused + clients_of(self->monitor).opens <
	       before.refused + before.opens + ARRAY_SIZE(children))
		sleep_ms(1);
	close(gate[1]);
	for (unsigned int i = 0; i < ARRAY_SIZE(children); i++)
		won += exit_code(children[i]);
	EXPECT_EQ(1, won);
	self->fd = open_compute(self->index);
	EXPECT_LE(0, self->fd);
}

TEST_F(fake, any_number_may_open_a_shared_device)
{
	int files[100];

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		files[i] = open_fake(SHARED);
		ASSERT_LE(0, files[i]);
	}
	EXPECT_EQ((__u32)ARRAY_SIZE(files) + 1, clients_of(self->fd).clients);
	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++)
		close(files[i]);
	EXPECT_EQ(1U, clients_of(self->fd).clients);
}

TEST_F(fake, nodes_open_with_any_mode)
{
	static const int modes[] = {
		O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_NONBLOCK, O_RDWR | O_APPEND,
	};
	int index = fake_index(SHARED);

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		int compute = open_node("accel", index, modes[i]);
		int monitor = open_node("monitor", index, modes[i]);
		struct accel_info_status status;

		EXPECT_EQ(0, info(compute, ACCEL_INFO_STATUS, &status, sizeof(status)));
		EXPECT_EQ(0, info(monitor, ACCEL_INFO_STATUS, &status, sizeof(status)));
		close(compute);
		close(monitor);
	}
	EXPECT_EQ(-ENOTDIR, open_node("accel", index, O_RDONLY | O_DIRECTORY));
	EXPECT_EQ(-EEXIST, open_node("accel", index, O_RDWR | O_CREAT | O_EXCL));
}

TEST_F(fake, nodes_are_not_streams)
{
	const int files[] = { self->fd, open_node("monitor", fake_index(SHARED), O_RDWR) };
	char byte = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		EXPECT_EQ(-1, read(files[i], &byte, 1));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, write(files[i], &byte, 1));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, lseek(files[i], 0, SEEK_SET));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, ftruncate(files[i], 0));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, fsync(files[i]));
		EXPECT_EQ(EINVAL, errno);
	}
	close(files[1]);
}

TEST_F(fake, a_duplicate_is_the_same_client)
{
	int copy = dup(self->fd);
	struct accel_buffer_info answer;
	__u32 handle = handle_of(self->fd, PAGE);

	EXPECT_EQ(0, buffer_info(copy, handle, &answer));
	close(self->fd);
	EXPECT_EQ(0, buffer_info(copy, handle, &answer));
	EXPECT_EQ(0, run_nop(copy));
	self->fd = copy;
}

TEST_F(fake, reopening_through_proc_is_a_new_client)
{
	__u32 handle = handle_of(self->fd, PAGE);
	struct accel_buffer_info answer;
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	again = open(path, O_RDWR);
	ASSERT_LE(0, again);
	EXPECT_EQ(-ENOENT, buffer_info(again, handle, &answer));
	EXPECT_EQ(2U, clients_of(self->fd).clients);
	close(again);
}

/* Gives up everything that root may. */
static bool become_nobody(void)
{
	return !setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY);
}

TEST_F(fake, an_open_file_works_for_whoever_has_it)
{
	pid_t child = fork();

	if (!child) {
		struct accel_info_clients clients;

		if (!become_nobody())
			_exit(1);
		if (info(self->fd, ACCEL_INFO_CLIENTS, &clients, sizeof(clients)))
			_exit(2);
		_exit(handle_of(self->fd, PAGE) && !run_nop(self->fd) ? 42 : 3);
	}
	EXPECT_EQ(42, exit_code(child));
}

TEST_F(fake, nobody_cannot_open_the_compute_node)
{
	int index = fake_index(SHARED);
	pid_t child = fork();

	if (!child)
		_exit(become_nobody() && open_compute(index) == -EACCES ? 42 : 1);
	EXPECT_EQ(42, exit_code(child));
}

/* Sends @fd over @socket. */
static int send_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

/* Receives an fd from @socket. */
static int receive_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

TEST_F(fake, a_file_sent_to_another_process_is_the_same_client)
{
	int ends[2];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	child = fork();
	if (!child) {
		int fd = open_fake(SHARED);

		_exit(handle_of(fd, 3 * PAGE) && !send_fd(ends[1], fd) ? 42 : 1);
	}
	EXPECT_EQ(42, exit_code(child));
	close(self->fd);
	self->fd = receive_fd(ends[0]);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(3ULL * PAGE, settled_memory(self->fd, 3 * PAGE));
	EXPECT_EQ(0, run_nop(self->fd));
	close(ends[0]);
	close(ends[1]);
}

TEST_F(fake, a_file_in_flight_keeps_its_buffers)
{
	int ends[2], other = open_fake(SHARED);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ASSERT_NE(0U, handle_of(other, PAGE));
	ASSERT_EQ(0, send_fd(ends[1], other));
	close(other);
	EXPECT_EQ(2U, clients_of(self->fd).clients);
	EXPECT_EQ((__u64)PAGE, settled_memory(self->fd, PAGE));
	close(ends[0]);
	close(ends[1]);
	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
	EXPECT_EQ(1U, clients_of(self->fd).clients);
}

TEST_HARNESS_MAIN
