// SPDX-License-Identifier: GPL-2.0
/* Who uses a device, and who may know. */
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "buffer.h"
#include "job.h"
#include "monitor.h"

#define MOST	8

/* A device of its own with one client, and a monitor. */
FIXTURE(client_list)
{
	int number;
	int index;
	int fd;
	int monitor;
};

FIXTURE_SETUP(client_list)
{
	char node[32];

	self->number = add_shared_fake();
	ASSERT_LE(0, self->number);
	self->index = fake_index(self->number);
	snprintf(node, sizeof(node), "/dev/accel/accel%d", self->index);
	ASSERT_EQ(0, chmod(node, 0666));
	self->fd = open_compute(self->index);
	ASSERT_LE(0, self->fd);
	self->monitor = open_monitor(self->index);
	ASSERT_LE(0, self->monitor);
}

FIXTURE_TEARDOWN(client_list)
{
	close(self->monitor);
	close(self->fd);
	remove_fake(self->number);
}

/* Returns how many clients @monitor sees, or -errno. */
static int list(int monitor, struct accel_info_client clients[MOST])
{
	return array(monitor, ACCEL_INFO_CLIENT_LIST, clients, MOST * sizeof(*clients));
}

static int count(int monitor)
{
	struct accel_info_client clients[MOST];

	return list(monitor, clients);
}

TEST_F(client_list, a_client_is_listed_while_it_has_the_device_open)
{
	struct accel_info_client clients[MOST];
	__s64 start = now_ns();
	int other;

	ASSERT_EQ(1, list(self->monitor, clients));
	EXPECT_EQ(getpid(), clients[0].pid);
	EXPECT_EQ(0U, clients[0].user);
	EXPECT_EQ(0, strncmp("client_list", clients[0].name, sizeof(clients[0].name)));
	EXPECT_GT(start, (__s64)clients[0].opened_ns);
	EXPECT_EQ(0ULL, clients[0].jobs | clients[0].busy_ns | clients[0].user_ns);
	EXPECT_EQ(0ULL, clients[0].system | clients[0].local);
	other = open_compute(self->index);
	ASSERT_EQ(2, list(self->monitor, clients));
	EXPECT_LT(clients[0].client, clients[1].client);
	EXPECT_LE(start, (__s64)clients[1].opened_ns);
	close(other);
	EXPECT_EQ(1, count(self->monitor));
}

TEST_F(client_list, what_a_client_uses_is_its_own)
{
	struct accel_info_client clients[MOST];
	int other = open_compute(self->index);
	__u32 handle = handle_of(other, 3 * PAGE);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, run_nop(other));
	ASSERT_EQ(0, run(other, ACCEL_FAKE_DELAY, 20, NULL));
	ASSERT_EQ(-EIO, run(other, ACCEL_FAKE_FAULT, ACCEL_FAULT_BUS, NULL));
	ASSERT_EQ(2, list(self->monitor, clients));
	EXPECT_EQ(0ULL, clients[0].jobs | clients[0].busy_ns | clients[0].system);
	EXPECT_EQ(0ULL, clients[0].failed);
	EXPECT_EQ(3ULL, clients[1].jobs);
	EXPECT_EQ(1ULL, clients[1].failed);
	EXPECT_LE(20ULL * NSEC_PER_MSEC, clients[1].busy_ns);
	EXPECT_EQ(0ULL, clients[1].user_ns);
	EXPECT_EQ(3ULL * PAGE, clients[1].system);
	EXPECT_EQ(0ULL, clients[1].local);
	ASSERT_EQ(0, close_buffer(other, handle));
	ASSERT_EQ(2, list(self->monitor, clients));
	EXPECT_EQ(0ULL, clients[1].system);
	close(other);
}

TEST_F(client_list, memory_counts_as_long_as_it_exists_and_for_who_made_it)
{
	struct accel_buffer_export export = { .handle = handle_of(self->fd, 2 * PAGE) };
	struct accel_buffer_import import = { 0 };
	struct accel_info_client clients[MOST];
	int other = open_compute(self->index);

	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_BUFFER_EXPORT, &export));
	import.fd = export.fd;
	ASSERT_EQ(0, call(other, ACCEL_IOCTL_BUFFER_IMPORT, &import));
	ASSERT_EQ(0, close_buffer(self->fd, export.handle));
	close(export.fd);
	ASSERT_EQ(2, list(self->monitor, clients));
	EXPECT_EQ(2ULL * PAGE, clients[0].system);
	EXPECT_EQ(0ULL, clients[1].system);
	close(other);
	ASSERT_EQ(1, list(self->monitor, clients));
	EXPECT_EQ(0ULL, clients[0].system);
}

TEST_F(client_list, the_compute_node_does_not_tell)
{
	EXPECT_EQ(-EOPNOTSUPP, count(self->fd));
}

static int become_nobody(void)
{
	return setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY);
}

/* What somebody without privileges sees; 42 if that is right. */
static int look_as_nobody(int index, int roots_monitor)
{
	struct accel_info_client clients[MOST];
	int monitor, mine;

	if (become_nobody())
		return 1;
	monitor = open_monitor(index);
	if (monitor < 0 || count(monitor) != 0)
		return 2;
	mine = open_compute(index);
	if (mine < 0 || list(monitor, clients) != 1)
		return 3;
	if (clients[0].pid != getpid() || clients[0].user != NOBODY)
		return 4;
	/* That file was opened by somebody else. */
	return count(roots_monitor) == 2 ? 42 : 5;
}

TEST_F(client_list, nobody_learns_of_clients_of_others)
{
	pid_t child = fork();

	if (!child)
		_exit(look_as_nobody(self->index, self->monitor));
	EXPECT_EQ(42, exit_code(child));
}

/* Has no capability but those; 0 or -1. */
static int set_capabilities(__u64 mask)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		sets[i].permitted = mask >> 32 * i;
		sets[i].effective = mask >> 32 * i;
	}
	return syscall(SYS_capset, &head, sets);
}

/* What nobody sees who may watch the performance of all; 42 if that is right. */
static int look_with_perfmon(int index)
{
	struct accel_info_client clients[MOST];
	struct accel_event event;
	int monitor, others;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || become_nobody())
		return 1;
	if (set_capabilities(1ULL << CAP_PERFMON))
		return 1;
	monitor = open_reader(index);
	if (monitor < 0 || list(monitor, clients) != 1 || clients[0].user != 0)
		return 2;
	/* Who opened the device: root. */
	others = next_event(monitor, &event);
	if (others || event.kind != ACCEL_EVENT_CLIENT || event.client != clients[0].client)
		return 3;
	/* What he had when he opened it counts. */
	if (set_capabilities(0))
		return 4;
	return list(monitor, clients) == 1 && count(open_monitor(index)) == 0 ? 42 : 5;
}

TEST_F(client_list, who_may_watch_performance_sees_all_clients)
{
	pid_t child = fork();

	if (!child)
		_exit(look_with_perfmon(self->index));
	EXPECT_EQ(42, exit_code(child));
}

/* Opens the monitor as nobody, and sends it; returns whether that worked. */
static bool send_from_nobody(int index, int socket)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	if (become_nobody())
		return false;
	*(int *)CMSG_DATA(&control.head) = open_monitor(index);
	return sendmsg(socket, &message, 0) == 1;
}

static int receive(int socket)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	if (recvmsg(socket, &message, 0) != 1 || control.head.cmsg_type != SCM_RIGHTS)
		return -1;
	return *(int *)CMSG_DATA(&control.head);
}

TEST_F(client_list, who_gets_a_file_sees_what_its_opener_may)
{
	int ends[2], theirs;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	child = fork();
	if (!child)
		_exit(send_from_nobody(self->index, ends[1]) ? 42 : 1);
	theirs = receive(ends[0]);
	EXPECT_EQ(42, exit_code(child));
	ASSERT_LE(0, theirs);
	EXPECT_EQ(0, count(theirs));
	EXPECT_EQ(1, count(self->monitor));
	close(theirs);
}

/* What is seen where the user has no number; 42 if that is right. */
static int look_from_other_users(int index)
{
	struct accel_info_client clients[MOST];
	int monitor;

	if (unshare(CLONE_NEWUSER))
		return 1;
	monitor = open_monitor(index);
	/* It is the same user, by whatever number. */
	if (monitor < 0 || list(monitor, clients) != 1)
		return 2;
	return clients[0].user == NOBODY ? 42 : 3;
}

TEST_F(client_list, users_are_numbered_as_where_the_monitor_was_opened)
{
	pid_t child = fork();

	if (!child)
		_exit(look_from_other_users(self->index));
	EXPECT_EQ(42, exit_code(child));
}

/* What is seen from a new namespace of processes, and of users; 42 if that is right. */
static int look_from_inside(int index, int outer_monitor)
{
	struct accel_info_client clients[MOST];
	int monitor = open_monitor(index);
	int mine = open_compute(index);

	if (monitor < 0 || mine < 0 || list(monitor, clients) != 2)
		return 1;
	if (getpid() != 1 || clients[1].pid != 1)
		return 2;
	/* Of outside, nobody has a number here. */
	if (clients[0].pid != 0)
		return 3;
	return list(outer_monitor, clients) == 2 && clients[1].pid > 1 ? 42 : 4;
}

TEST_F(client_list, processes_are_numbered_as_where_the_monitor_was_opened)
{
	pid_t child;

	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	child = fork();
	if (!child)
		_exit(look_from_inside(self->index, self->monitor));
	EXPECT_EQ(42, exit_code(child));
}

TEST_HARNESS_MAIN
