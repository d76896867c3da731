// SPDX-License-Identifier: GPL-2.0
/* accel_qda: all-reduce between two cards while one of them, a process or the link goes away. */
#include "fabric.h"

/* What is hit, and how. */
struct target {
	int card;
	pid_t process;
	struct accel_info_device device;
};

static bool lose_link(struct target *target)
{
	return qda_model(target->card, "link-loss 0");
}

static bool unbind(struct target *target)
{
	return !bind_qda(target->device.address, "unbind");
}

static bool bind(struct target *target)
{
	return !bind_qda(target->device.address, "bind");
}

static bool take_out(struct target *target)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.20s/remove", target->device.address);
	return !write_file(path, "1");
}

static bool find_again(struct target *target)
{
	(void)target;
	return !write_file("/sys/bus/pci/rescan", "1");
}

static bool reset(struct target *target)
{
	return !reset_device(qda_index(target->card));
}

static bool end_process(struct target *target)
{
	return !kill(target->process, SIGKILL);
}

FIXTURE(under_fire)
{
	struct ring ring;
	struct target target;
};

FIXTURE_VARIANT(under_fire)
{
	int card;
	bool (*strike)(struct target *target);
	bool (*heal)(struct target *target);
	/* What the hit side and the other one may see; the second one if data was under way. */
	int hit[2], left[2];
};

/* Of both sides the link is down. */
#define LEFT	.left = { EIO, EIO }

FIXTURE_VARIANT_ADD(under_fire, link_lost) {
	.strike = lose_link, .hit = { EIO, EIO }, LEFT };
FIXTURE_VARIANT_ADD(under_fire, first_card_unbound) {
	.strike = unbind, .heal = bind, .hit = { ENODEV, ENODEV }, LEFT };
FIXTURE_VARIANT_ADD(under_fire, second_card_unbound) {
	.card = 1, .strike = unbind, .heal = bind, .hit = { ENODEV, ENODEV }, LEFT };
FIXTURE_VARIANT_ADD(under_fire, first_card_unplugged) {
	.strike = take_out, .heal = find_again, .hit = { ENODEV, ENODEV }, LEFT };
FIXTURE_VARIANT_ADD(under_fire, second_card_unplugged) {
	.card = 1, .strike = take_out, .heal = find_again, .hit = { ENODEV, ENODEV }, LEFT };
FIXTURE_VARIANT_ADD(under_fire, card_reset) {
	.card = 1, .strike = reset, .hit = { ENODATA, ENODATA }, LEFT };
/* The other side waits in vain, as long as its packet says. */
FIXTURE_VARIANT_ADD(under_fire, process_killed) {
	.strike = end_process, .left = { ETIME, EIO } };

FIXTURE_SETUP(under_fire)
{
	int monitor = open_monitor(qda_index(variant->card));

	ASSERT_EQ(0, info(monitor, ACCEL_INFO_DEVICE, &self->target.device,
			  sizeof(self->target.device)));
	close(monitor);
	ASSERT_TRUE(can_reduce());
	ASSERT_TRUE(start_ring(&self->ring));
	self->target.card = variant->card;
	self->target.process = self->ring.children[variant->card];
}

FIXTURE_TEARDOWN(under_fire)
{
	munmap(self->ring.rounds, PAGE);
}

TEST_F_TIMEOUT(under_fire, both_sides_learn_of_it_and_both_cards_work_again, 120)
{
	pid_t other = self->ring.children[!variant->card];
	__s64 start = now_ns();
	int code;

	ASSERT_TRUE(variant->strike(&self->target));
	if (variant->strike == end_process) {
		EXPECT_EQ(SIGKILL, death_signal(self->target.process));
	} else {
		code = exit_code(self->target.process);
		EXPECT_TRUE(code == variant->hit[0] || code == variant->hit[1])
			TH_LOG("errno of the hit side: %d", code);
	}
	code = exit_code(other);
	EXPECT_TRUE(code == variant->left[0] || code == variant->left[1])
		TH_LOG("errno of the other side: %d", code);
	EXPECT_GT(start + MEET_US * 1000LL + SLACK_NS, now_ns());
	EXPECT_TRUE(is_working(!variant->card));
	EXPECT_TRUE(!variant->heal || variant->heal(&self->target));
	EXPECT_TRUE(can_reduce());
	EXPECT_TRUE(is_working(variant->card));
}

/* 0 or the errno of making a queue with @group and a link on card 0, as somebody else. */
static int errno_of_others(__u32 group)
{
	pid_t child = fork();
	struct side side;

	if (!child)
		_exit(setresuid(NOBODY, NOBODY, NOBODY) ? 100 : -open_side_in(0, group, &side));
	return exit_code(child);
}

TEST(a_group_is_of_one_user)
{
	struct side sides[CARDS];
	char path[32];

	/* Who opens the node counts. */
	snprintf(path, sizeof(path), "/dev/accel/accel%d", qda_index(0));
	ASSERT_EQ(0, chmod(path, 0666));
	/* On the other card as well. */
	ASSERT_EQ(0, open_side(1, &sides[1]));
	EXPECT_EQ(EBUSY, errno_of_others(GROUP));
	EXPECT_EQ(0, errno_of_others(GROUP + 1));
	ASSERT_EQ(0, open_side(0, &sides[0]));
	close_side(&sides[1]);
	EXPECT_EQ(EBUSY, errno_of_others(GROUP));
	close_side(&sides[0]);
	EXPECT_EQ(0, errno_of_others(GROUP));
	ASSERT_EQ(0, open_side(0, &sides[0]));
	close_side(&sides[0]);
	EXPECT_EQ(0, chmod(path, 0660));
}

/* How many resets there were, when there are more than @before: queues fail before one is over. */
static __u64 resets_after(int fd, __u64 before)
{
	for (__s64 end = now_ns() + SLACK_NS; now_ns() < end; sleep_ms(1))
		if (status_of(fd).resets != before)
			break;
	return status_of(fd).resets;
}

/* All messages are lost to a reset of their engine, whoever made it necessary. */
TEST(who_waits_for_a_message_is_not_to_blame_for_a_reset)
{
	struct user_queue guilty;
	struct side side;
	__u64 resets;

	ASSERT_EQ(0, open_side(0, &side));
	ASSERT_EQ(0, open_user_queue(side.fd, side.space, COLLECTIVE, &guilty));
	resets = status_of(side.fd).resets;
	write_packet(&side.queue, (struct accel_qda_packet){
		.opcode = ACCEL_QDA_RECEIVE, .d = side.address, .columns = CHUNK });
	ring(&side.queue);
	/* Longer than it may take to give a packet up. */
	ASSERT_TRUE(qda_model(0, "late 3000"));
	write_packet(&guilty, nop());
	ring(&guilty);
	EXPECT_EQ((__u32)ETIME, failure_of(&guilty).error);
	EXPECT_EQ((__u32)ENODATA, failure_of(&side.queue).error);
	EXPECT_EQ(resets + 1, resets_after(side.fd, resets));
	close_user_queue(&guilty);
	close_side(&side);
}

TEST_HARNESS_MAIN
