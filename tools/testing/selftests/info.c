// SPDX-License-Identifier: GPL-2.0
/* ACCEL_IOCTL_INFO: sizing, cutting, LIST and every refusal, on both nodes. */
#include "fixture.h"

#define MAX_ANSWER	4096
#define MAX_KINDS	64
#define BOTH		(ACCEL_INFO_ON_COMPUTE | ACCEL_INFO_ON_MONITOR)

FIXTURE(info)
{
	int fd;
	__u32 node;
	unsigned int index;
};

FIXTURE_VARIANT(info)
{
	const char *name;
	int flags;
	__u32 node;
};

FIXTURE_VARIANT_ADD(info, compute)
{
	.name = "accel",
	.flags = O_RDWR,
	.node = ACCEL_INFO_ON_COMPUTE,
};

FIXTURE_VARIANT_ADD(info, monitor)
{
	.name = "monitor",
	.flags = O_RDONLY,
	.node = ACCEL_INFO_ON_MONITOR,
};

FIXTURE_SETUP(info)
{
	int index = fake_index(SHARED);

	ASSERT_LE(0, index);
	self->index = index;
	self->node = variant->node;
	self->fd = open_node(variant->name, index, variant->flags);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(info)
{
	close(self->fd);
}

/* Reads LIST; returns how many kinds it names. */
static unsigned int list(int fd, struct accel_info_kind kinds[MAX_KINDS])
{
	struct accel_info argument;

	if (info_call(fd, &argument, ACCEL_INFO_LIST, kinds, MAX_KINDS * sizeof(*kinds)))
		return 0;
	return argument.size / sizeof(*kinds);
}

static const struct {
	__u32 kind, size, flags, nodes;
} kinds_of_fakes[] = {
	{ ACCEL_INFO_LIST, sizeof(struct accel_info_kind), ACCEL_INFO_ARRAY, BOTH },
	{ ACCEL_INFO_DEVICE, sizeof(struct accel_info_device), 0, BOTH },
	{ ACCEL_INFO_STATUS, sizeof(struct accel_info_status), 0, BOTH },
	{ ACCEL_INFO_ENGINES, sizeof(struct accel_info_engine), ACCEL_INFO_ARRAY, BOTH },
	{ ACCEL_INFO_MEMORY, sizeof(struct accel_info_memory), ACCEL_INFO_ARRAY, BOTH },
	{ ACCEL_INFO_CLIENTS, sizeof(struct accel_info_clients), 0, BOTH },
	{ ACCEL_INFO_CLIENT_MEMORY, sizeof(struct accel_info_client_memory), ACCEL_INFO_ARRAY,
	  ACCEL_INFO_ON_COMPUTE },
	{ ACCEL_INFO_CLIENT_ENGINES, sizeof(struct accel_info_client_engine), ACCEL_INFO_ARRAY,
	  ACCEL_INFO_ON_COMPUTE },
	{ ACCEL_INFO_CLIENT_LIST, sizeof(struct accel_info_client), ACCEL_INFO_ARRAY,
	  ACCEL_INFO_ON_MONITOR },
	{ ACCEL_INFO_LINKS, sizeof(struct accel_info_link), ACCEL_INFO_ARRAY, BOTH },
	{ ACCEL_INFO_FAKE, sizeof(struct accel_info_fake), 0, BOTH },
};

TEST_F(info, list_names_every_kind_once)
{
	struct accel_info_kind kinds[MAX_KINDS];
	unsigned int count = list(self->fd, kinds);

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds_of_fakes); i++) {
		unsigned int seen = 0;

		for (unsigned int j = 0; j < count; j++) {
			if (kinds[j].kind != kinds_of_fakes[i].kind)
				continue;
			seen++;
			EXPECT_EQ(kinds_of_fakes[i].size, kinds[j].size);
			EXPECT_EQ(kinds_of_fakes[i].flags, kinds[j].flags);
			EXPECT_EQ(kinds_of_fakes[i].nodes, kinds[j].nodes);
			EXPECT_EQ((__u32)ACCEL_INFO_ALWAYS, kinds[j].availability);
			EXPECT_EQ((__u32)ACCEL_INFO_PUBLIC, kinds[j].privilege);
		}
		EXPECT_EQ(1U, seen)
			TH_LOG("kind %u", kinds_of_fakes[i].kind);
	}
}

TEST_F(info, list_agrees_with_the_answers)
{
	struct accel_info_kind kinds[MAX_KINDS];
	unsigned int count = list(self->fd, kinds);
	unsigned char data[MAX_ANSWER];
	struct accel_info argument;

	ASSERT_LT(0U, count);
	for (unsigned int i = 0; i < count; i++) {
		EXPECT_EQ(0U, kinds[i].reserved);
		EXPECT_NE(0U, kinds[i].nodes);
		if (!(kinds[i].nodes & self->node)) {
			EXPECT_EQ(-EOPNOTSUPP, info(self->fd, kinds[i].kind, data, sizeof(data)));
			continue;
		}
		EXPECT_EQ(0, info_call(self->fd, &argument, kinds[i].kind, data, sizeof(data)));
		EXPECT_EQ(kinds[i].version, argument.version);
		EXPECT_EQ(kinds[i].size, argument.element_size);
		EXPECT_EQ(0U, argument.size % argument.element_size);
		if (!(kinds[i].flags & ACCEL_INFO_ARRAY))
			EXPECT_EQ(argument.element_size, argument.size);
	}
}

TEST_F(info, size_0_tells_the_size_and_ignores_the_pointer)
{
	struct accel_info_kind kinds[MAX_KINDS];
	unsigned int count = list(self->fd, kinds);
	unsigned char data[MAX_ANSWER];
	struct accel_info sizing, exact;

	for (unsigned int i = 0; i < count; i++) {
		if (!(kinds[i].nodes & self->node))
			continue;
		EXPECT_EQ(0, info_call(self->fd, &sizing, kinds[i].kind, NOWHERE, 0));
		/* Arrays may be empty. */
		EXPECT_TRUE(sizing.size || kinds[i].flags & ACCEL_INFO_ARRAY);
		EXPECT_EQ(0, info_call(self->fd, &exact, kinds[i].kind, data, sizing.size));
		EXPECT_EQ(sizing.size, exact.size);
		EXPECT_EQ(sizing.version, exact.version);
		EXPECT_EQ(sizing.element_size, exact.element_size);
	}
}

TEST_F(info, nothing_beyond_the_answer_is_written)
{
	struct accel_info_kind kinds[MAX_KINDS];
	unsigned int count = list(self->fd, kinds);
	unsigned char data[MAX_ANSWER];
	struct accel_info argument;

	for (unsigned int i = 0; i < count; i++) {
		if (!(kinds[i].nodes & self->node))
			continue;
		memset(data, UNTOUCHED, sizeof(data));
		EXPECT_EQ(0, info_call(self->fd, &argument, kinds[i].kind, data, sizeof(data)));
		ASSERT_GT(sizeof(data), argument.size);
		EXPECT_TRUE(all_bytes(data + argument.size, UNTOUCHED,
				      sizeof(data) - argument.size));
	}
}

TEST_F(info, a_scalar_is_cut_at_any_byte)
{
	struct accel_info_device whole;
	unsigned char data[sizeof(whole)];
	struct accel_info argument;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &whole, sizeof(whole)));
	for (__u32 size = 1; size < sizeof(whole); size++) {
		memset(data, UNTOUCHED, sizeof(data));
		EXPECT_EQ(0, info_call(self->fd, &argument, ACCEL_INFO_DEVICE, data, size));
		EXPECT_EQ((__u32)sizeof(whole), argument.size);
		EXPECT_EQ(0, memcmp(&whole, data, size));
		EXPECT_TRUE(all_bytes(data + size, UNTOUCHED, sizeof(data) - size));
	}
}

TEST_F(info, an_array_is_cut_at_a_whole_element)
{
	struct accel_info_kind whole[MAX_KINDS];
	const __u32 element = sizeof(whole[0]);
	unsigned int count = list(self->fd, whole);
	unsigned char data[sizeof(whole)];
	struct accel_info argument;

	ASSERT_LT(1U, count);
	for (__u32 size = 1; size < count * element; size++) {
		__u32 cut = size / element * element;

		memset(data, UNTOUCHED, sizeof(data));
		EXPECT_EQ(0, info_call(self->fd, &argument, ACCEL_INFO_LIST, data, size));
		EXPECT_EQ(count * element, argument.size);
		EXPECT_EQ(element, argument.element_size);
		EXPECT_EQ(0, memcmp(whole, data, cut));
		EXPECT_TRUE(all_bytes(data + cut, UNTOUCHED, sizeof(data) - cut));
	}
}

TEST_F(info, unknown_kinds_are_eopnotsupp)
{
	static const __u32 unknown[] = {
		ACCEL_INFO_ATTESTATION, ACCEL_INFO_SLEEP, 63, 64, 255, 0x7fff, 0x8001, 0xffff,
		0x10000, 0x10001, 0x80000000, 0x80000001, UINT32_MAX,
	};
	unsigned char data[64];
	struct accel_info argument;

	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-EOPNOTSUPP, info(self->fd, unknown[i], data, sizeof(data)));
		EXPECT_EQ(-EOPNOTSUPP, info_call(self->fd, &argument, unknown[i], NULL, 0));
	}
}

TEST_F(info, every_flag_is_eopnotsupp)
{
	for (int bit = 0; bit < 32; bit++) {
		struct accel_info argument = { .kind = ACCEL_INFO_STATUS, .flags = 1U << bit };

		EXPECT_EQ(-EOPNOTSUPP, call(self->fd, ACCEL_IOCTL_INFO, &argument));
	}
}

TEST_F(info, reserved_bits_are_einval)
{
	for (int bit = 0; bit < 32; bit++) {
		struct accel_info argument = { .kind = ACCEL_INFO_STATUS, .reserved = 1U << bit };

		EXPECT_EQ(-EINVAL, call(self->fd, ACCEL_IOCTL_INFO, &argument));
	}
}

TEST_F(info, bad_pointers_are_efault)
{
	static const __u64 bad[] = {
		0, 1, UINT32_MAX, 1ULL << 47, 1ULL << 56, 0xffff800000000000, UINT64_MAX,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct accel_info argument = {
			.kind = ACCEL_INFO_DEVICE,
			.size = sizeof(struct accel_info_device),
			.data = bad[i],
		};

		EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_INFO, &argument));
		EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_INFO, (void *)(uintptr_t)bad[i]));
	}
}

TEST_F(info, an_answer_may_end_at_a_hole)
{
	const __u32 size = sizeof(struct accel_info_device);
	char *data = before_hole(size);

	EXPECT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, data, size));
	EXPECT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, data, size + PAGE));
	EXPECT_EQ(-EFAULT, info(self->fd, ACCEL_INFO_DEVICE, data + 1, size));
	EXPECT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, data + 1, size - 1));
}

TEST_F(info, read_only_memory_is_efault)
{
	void *data = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct accel_info *head = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_EQ(-EFAULT, info(self->fd, ACCEL_INFO_DEVICE, data, PAGE));
	EXPECT_EQ(-EFAULT, call(self->fd, ACCEL_IOCTL_INFO, head));
}

TEST_F(info, device_says_who_it_is)
{
	struct accel_info_device device;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	EXPECT_EQ(self->index, device.index);
	EXPECT_STREQ(FAKE_DRIVER, device.driver);
	EXPECT_STREQ("faux", device.bus);
	EXPECT_STREQ("fake.0", device.address);
	EXPECT_NE('\0', device.name[0]);
	EXPECT_NE(0U, device.core_version);
	EXPECT_LE(-1, device.numa_node);
	EXPECT_EQ((__u32)ACCEL_DEVICE_PREPARED_JOBS, device.flags);
	EXPECT_EQ(0U, device.vendor | device.device | device.subsystem_vendor |
		      device.subsystem_device | device.revision);
	EXPECT_FALSE(all_bytes(device.uuid, 0, sizeof(device.uuid)));
}

/* Whether @text holds one NUL-terminated string and zeroes after it. */
static bool is_padded_string(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length < size && all_bytes(text + length, 0, size - length);
}

TEST_F(info, device_strings_are_padded_with_zeroes)
{
	struct accel_info_device device;

	memset(&device, UNTOUCHED, sizeof(device));
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	EXPECT_TRUE(is_padded_string(device.name, sizeof(device.name)));
	EXPECT_TRUE(is_padded_string(device.driver, sizeof(device.driver)));
	EXPECT_TRUE(is_padded_string(device.bus, sizeof(device.bus)));
	EXPECT_TRUE(is_padded_string(device.address, sizeof(device.address)));
}

TEST_F(info, an_idle_device_is_operational)
{
	struct accel_info_status status;

	memset(&status, UNTOUCHED, sizeof(status));
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_STATUS, &status, sizeof(status)));
	EXPECT_EQ((__u32)ACCEL_HEALTH_OPERATIONAL, status.health);
	EXPECT_LT(0ULL, status.since_ns);
	EXPECT_GE((__u64)now_ns(), status.since_ns);
	EXPECT_EQ(2 * status.resets, status.changes);
}

TEST_F(info, engines_are_listed)
{
	static const char *const names[] = { "engine0", "pair0", "pair1", "deep" };
	static const __u32 kinds[] = {
		ACCEL_ENGINE_COMPUTE, ACCEL_ENGINE_INFERENCE, ACCEL_ENGINE_INFERENCE,
		ACCEL_ENGINE_COPY,
	};
	struct accel_info_engine engines[ARRAY_SIZE(names)];
	struct accel_info argument;

	memset(engines, UNTOUCHED, sizeof(engines));
	ASSERT_EQ(0, info_call(self->fd, &argument, ACCEL_INFO_ENGINES, engines, sizeof(engines)));
	EXPECT_EQ((__u32)sizeof(engines), argument.size);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_TRUE(is_padded_string(engines[i].name, sizeof(engines[i].name)));
		EXPECT_STREQ(names[i], engines[i].name);
		EXPECT_EQ(kinds[i], engines[i].kind);
		EXPECT_EQ(0U, engines[i].queued);
	}
}

TEST_F(info, system_memory_is_listed)
{
	struct accel_info_memory memory;
	struct accel_info argument;

	EXPECT_EQ(0ULL, settled_memory(self->fd, 0));
	memset(&memory, UNTOUCHED, sizeof(memory));
	ASSERT_EQ(0, info_call(self->fd, &argument, ACCEL_INFO_MEMORY, &memory, sizeof(memory)));
	EXPECT_EQ((__u32)sizeof(memory), argument.size);
	EXPECT_TRUE(is_padded_string(memory.name, sizeof(memory.name)));
	EXPECT_STREQ("memory", memory.name);
	EXPECT_EQ((__u32)ACCEL_MEMORY_SYSTEM, memory.kind);
	EXPECT_EQ(0U, memory.flags);
	EXPECT_EQ(0ULL, memory.size);
	EXPECT_EQ(0ULL, memory.used);
	EXPECT_EQ(0ULL, memory.dirty | memory.largest_free | memory.visible | memory.page_size);
}

TEST_F(fake, both_nodes_describe_the_same_device)
{
	struct accel_info_device compute, monitor;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &compute, sizeof(compute)));
	ASSERT_EQ(0, info(self->monitor, ACCEL_INFO_DEVICE, &monitor, sizeof(monitor)));
	EXPECT_EQ(0, memcmp(&compute, &monitor, sizeof(compute)));
}

TEST_F(fake, two_devices_differ)
{
	int other = open_fake_monitor(EXCLUSIVE);
	struct accel_info_device first, second;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, info(self->monitor, ACCEL_INFO_DEVICE, &first, sizeof(first)));
	ASSERT_EQ(0, info(other, ACCEL_INFO_DEVICE, &second, sizeof(second)));
	EXPECT_NE(first.index, second.index);
	EXPECT_NE(0, memcmp(first.uuid, second.uuid, sizeof(first.uuid)));
	EXPECT_EQ((__u32)(ACCEL_DEVICE_EXCLUSIVE | ACCEL_DEVICE_PREPARED_JOBS),
		  second.flags);
	EXPECT_EQ(first.core_version, second.core_version);
	EXPECT_EQ(first.driver_version, second.driver_version);
}

TEST_F(fake, clients_counts_opens_and_closes)
{
	struct accel_info_clients before = clients_of(self->monitor), after;
	__s64 start = now_ns();
	int fd = open_fake(SHARED);

	ASSERT_LE(0, fd);
	after = clients_of(self->monitor);
	EXPECT_EQ(before.clients + 1, after.clients);
	EXPECT_EQ(before.opens + 1, after.opens);
	EXPECT_EQ(before.refused, after.refused);
	EXPECT_LE((__u64)start, after.last_open_ns);
	EXPECT_GE((__u64)now_ns(), after.last_open_ns);

	start = now_ns();
	close(fd);
	after = clients_of(self->monitor);
	EXPECT_EQ(before.clients, after.clients);
	EXPECT_EQ(before.opens + 1, after.opens);
	EXPECT_LE((__u64)start, after.last_close_ns);
	EXPECT_GE((__u64)now_ns(), after.last_close_ns);
}

TEST_F(fake, clients_counts_monitors)
{
	struct accel_info_clients before = clients_of(self->fd), after;
	struct accel_info_device device;
	int fd;

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	fd = open_monitor(device.index);
	ASSERT_LE(0, fd);
	after = clients_of(self->fd);
	EXPECT_EQ(before.monitors + 1, after.monitors);
	EXPECT_EQ(before.monitor_opens + 1, after.monitor_opens);
	EXPECT_EQ(before.opens, after.opens);
	close(fd);
	after = clients_of(self->fd);
	EXPECT_EQ(before.monitors, after.monitors);
}

TEST_F(fake, a_duplicate_is_not_another_client)
{
	struct accel_info_clients before = clients_of(self->fd), after;
	int copy = dup(self->fd);

	after = clients_of(self->fd);
	EXPECT_EQ(before.clients, after.clients);
	EXPECT_EQ(before.opens, after.opens);
	close(copy);
	after = clients_of(self->fd);
	EXPECT_EQ(before.clients, after.clients);
	EXPECT_EQ(before.last_close_ns, after.last_close_ns);
}

TEST_HARNESS_MAIN
