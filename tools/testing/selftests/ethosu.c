// SPDX-License-Identifier: GPL-2.0
/* accel_ethosu: what runs, what is refused, garbage in every field. Needs a model: npu0. */
#include "ethosu_fixture.h"
#include "share.h"

TEST_F(npu, info_describes_the_npu)
{
	struct accel_info_ethosu npu = { 0 };
	struct accel_info_device device;
	struct accel_info_engine engine = engine_of(self->fd);

	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_ETHOSU, &npu, sizeof(npu)));
	EXPECT_EQ(1U, npu.id >> 28);
	EXPECT_EQ(npu.macs, 1U << (npu.config & 0xf));
	EXPECT_TRUE(npu.macs == 256 || npu.macs == 512);
	EXPECT_EQ((__u32)ACCEL_ENGINE_INFERENCE, engine.kind);
	ASSERT_EQ(0, info(self->fd, ACCEL_INFO_DEVICE, &device, sizeof(device)));
	EXPECT_STREQ("pci", device.bus);
	EXPECT_EQ(0x1234U, device.vendor);
	EXPECT_EQ(0xe065U, device.device);
	EXPECT_EQ(1U, device.revision);
	EXPECT_EQ((__u32)(ACCEL_DEVICE_PREPARED_JOBS | ACCEL_DEVICE_SLEEPS), device.flags);
	EXPECT_EQ(-EOPNOTSUPP, info(self->fd, ACCEL_INFO_ETHOSU + 1, NULL, 0));
}

TEST_F(npu, the_shortest_stream_runs)
{
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(0, run_stop(self->fd));
}

/* Regions follow the buffers: each run reads one pair's first and writes its second. */
TEST_F(npu, a_prepared_stream_copies_between_other_buffers)
{
	struct accel_job_prepare prepare;
	struct ethosu_job job;

	copy(&job, self->in.handle, 0, self->out.handle, 0);
	prepare = (struct accel_job_prepare){
		.buffers = job.entry.buffers, .nr_buffers = 2,
		.payload = job.entry.payload, .payload_size = job.entry.payload_size,
	};
	ASSERT_EQ(0, call(self->fd, ACCEL_IOCTL_JOB_PREPARE, &prepare));
	for (int round = 1; round <= 5; round++) {
		struct accel_buffer_create buffers[2];
		struct accel_job_replace replace[2];
		struct accel_submit submit = { .queue = 0 };
		struct accel_submit_job again = {
			.prepared = prepare.handle,
			.buffers = user(replace), .nr_buffers = 2,
		};
		unsigned char *memory[2];

		for (int i = 0; i < 2; i++) {
			memory[i] = create_mapped(self->fd, round * PAGE, &buffers[i]);
			ASSERT_NE((void *)MAP_FAILED, (void *)memory[i]);
			replace[i] = (struct accel_job_replace){ i, buffers[i].handle };
		}
		memset(memory[0], round, round * PAGE);
		ASSERT_EQ(0, submit_entry(self->fd, &submit, &again));
		for (int i = 0; i < 2; i++)
			EXPECT_EQ(0, close_buffer(self->fd, buffers[i].handle));
		EXPECT_EQ(0, wait_job(self->fd, again.job));
		EXPECT_TRUE(all_bytes(memory[1], round, COPY_SIZE));
		EXPECT_TRUE(all_bytes(memory[1] + COPY_SIZE, 0, round * PAGE - COPY_SIZE));
		/* Not the ones before. */
		memset(memory[1], 0, COPY_SIZE);
		EXPECT_TRUE(all_bytes(self->target, 0, PAGE));
	}
}

TEST_F(npu, a_stream_copies_between_buffers)
{
	struct ethosu_job job;

	copy(&job, self->in.handle, 64, self->out.handle, 128);
	ASSERT_EQ(0, run_ethosu(self->fd, &job, NULL));
	EXPECT_EQ(0, memcmp(self->source + 64, self->target + 128, COPY_SIZE));
	EXPECT_TRUE(all_bytes(self->target, 0, 128));
	EXPECT_TRUE(all_bytes(self->target + 128 + COPY_SIZE, 0, PAGE - 128 - COPY_SIZE));
}

TEST_F(npu, a_copy_may_reach_the_end_of_both_buffers)
{
	struct ethosu_job job;

	copy(&job, self->in.handle, PAGE - COPY_SIZE, self->out.handle, PAGE - COPY_SIZE);
	ASSERT_EQ(0, run_ethosu(self->fd, &job, NULL));
	EXPECT_EQ(0, memcmp(self->source + PAGE - COPY_SIZE, self->target + PAGE - COPY_SIZE,
			    COPY_SIZE));
}

/* How a dma-buf of another driver is in memory. */
enum pieces { ONE_PIECE, MANY_PIECES, ANY_PIECES };

#define SHARED_SIZE	(16 * PAGE)

FIXTURE(npu_foreign)
{
	FIXTURE_DATA(npu) npu;
	int buf;
	unsigned char *theirs;
};

FIXTURE_VARIANT(npu_foreign)
{
	int (*make)(size_t size);
	enum pieces pieces;
	size_t size;
};

FIXTURE_VARIANT_ADD(npu_foreign, page) { udmabuf, ONE_PIECE, PAGE };
FIXTURE_VARIANT_ADD(npu_foreign, udmabuf) { udmabuf, ANY_PIECES, SHARED_SIZE };
FIXTURE_VARIANT_ADD(npu_foreign, huge_udmabuf) { huge_udmabuf, ONE_PIECE, SHARED_SIZE };
FIXTURE_VARIANT_ADD(npu_foreign, backward_udmabuf) { backward_udmabuf, MANY_PIECES, SHARED_SIZE };
FIXTURE_VARIANT_ADD(npu_foreign, system_heap) { heap_buffer, ANY_PIECES, SHARED_SIZE };
FIXTURE_VARIANT_ADD(npu_foreign, vgem) { vgem_buffer, ANY_PIECES, SHARED_SIZE };

FIXTURE_SETUP(npu_foreign)
{
	ASSERT_TRUE(open_npu(&self->npu));
	self->buf = variant->make(variant->size);
	ASSERT_LE(0, self->buf);
	self->theirs = map_at(self->buf, 0, variant->size);
	ASSERT_NE((void *)MAP_FAILED, (void *)self->theirs);
}

FIXTURE_TEARDOWN(npu_foreign)
{
	munmap(self->theirs, variant->size);
	close(self->buf);
	close(self->npu.fd);
}

/* Whether the device is behind an IOMMU, where everything is in one piece. */
static bool has_iommu(int fd)
{
	struct accel_info_device device = { 0 };
	char path[96];

	info(fd, ACCEL_INFO_DEVICE, &device, sizeof(device));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", device.address);
	return access(path, F_OK) == 0;
}

/* What an import must end with; without an IOMMU, that is chance for some. */
static bool may_end_with(int fd, enum pieces pieces, int error)
{
	bool one = has_iommu(fd) || pieces == ONE_PIECE;

	if (!one && pieces == ANY_PIECES)
		return error == 0 || error == -EOPNOTSUPP;
	return error == (one ? 0 : -EOPNOTSUPP);
}

TEST_F(npu_foreign, it_is_read_and_written_where_it_is_in_one_piece)
{
	const FIXTURE_DATA(npu) *npu = &self->npu;
	size_t last = variant->size - COPY_SIZE;
	struct accel_buffer_import import;
	struct ethosu_job job;
	int error = import_buffer(npu->fd, self->buf, &import);

	ASSERT_TRUE(may_end_with(npu->fd, variant->pieces, error)) TH_LOG("error %d", error);
	if (error)
		return;
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_IMPORTED, import.placement);
	/* From ours to the end of theirs. */
	copy(&job, npu->in.handle, 64, import.handle, last);
	ASSERT_EQ(0, run_ethosu(npu->fd, &job, NULL));
	EXPECT_EQ(0, sync_buffer(self->buf, DMA_BUF_SYNC_START));
	EXPECT_EQ(0, memcmp(npu->source + 64, self->theirs + last, COPY_SIZE));
	EXPECT_TRUE(all_bytes(self->theirs, 0, last));
	/* From all over theirs to ours. */
	for (size_t at = 0; at < variant->size; at += PAGE)
		memset(self->theirs + at, at / PAGE + 1, COPY_SIZE);
	EXPECT_EQ(0, sync_buffer(self->buf, DMA_BUF_SYNC_END));
	for (size_t at = 0; at < variant->size; at += PAGE) {
		copy(&job, import.handle, at, npu->out.handle, 0);
		ASSERT_EQ(0, run_ethosu(npu->fd, &job, NULL));
		EXPECT_TRUE(all_bytes(npu->target, at / PAGE + 1, COPY_SIZE));
	}
	EXPECT_EQ(0, close_buffer(npu->fd, import.handle));
}

TEST_F(npu, our_memory_is_shared_and_comes_back)
{
	struct accel_buffer_import import;
	int buf = export_buffer(self->fd, self->out.handle);
	unsigned char *target = map_at(buf, 0, PAGE);
	struct ethosu_job job;

	ASSERT_NE((void *)MAP_FAILED, (void *)target);
	ASSERT_EQ(0, import_buffer(self->fd, buf, &import));
	EXPECT_EQ((__u32)ACCEL_PLACEMENT_CONTIGUOUS, import.placement);
	copy(&job, self->in.handle, 0, import.handle, 0);
	ASSERT_EQ(0, run_ethosu(self->fd, &job, NULL));
	EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_START));
	EXPECT_EQ(0, memcmp(self->source, target, COPY_SIZE));
	EXPECT_EQ(0, sync_buffer(buf, DMA_BUF_SYNC_END));
	munmap(target, PAGE);
	close(buf);
}

TEST_F(npu, ranges_outside_a_buffer_are_refused)
{
	static const __u64 outside[] = {
		PAGE - COPY_SIZE + 1, PAGE - 1, PAGE, 1ULL << 31, UINT32_MAX, 1ULL << 32,
		(1ULL << 40) - COPY_SIZE, (1ULL << 40) - 1,
	};
	struct ethosu_job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(outside); i++) {
		copy(&job, self->in.handle, outside[i], self->out.handle, 0);
		EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job));
		copy(&job, self->in.handle, 0, self->out.handle, outside[i]);
		EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job));
	}
	EXPECT_TRUE(all_bytes(self->target, 0, PAGE));
}

TEST_F(npu, lengths_beyond_a_buffer_are_refused)
{
	static const __u64 lengths[] = {
		0, PAGE + 1, 1ULL << 31, UINT32_MAX, 1ULL << 32, (1ULL << 40) - 1,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct ethosu_job job;

		copy(&job, self->in.handle, 0, self->out.handle, 0);
		job.payload.words[6] = OP(SET_DMA0_LEN, lengths[i] >> 32);
		job.payload.words[7] = lengths[i];
		EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job));
		EXPECT_NE(0U, job.submit.refused_reason);
	}
}

TEST_F(npu, writing_to_a_buffer_named_for_reading_is_eacces)
{
	struct ethosu_job job;

	copy(&job, self->in.handle, 0, self->out.handle, 0);
	job.buffers[1].flags = ACCEL_BUFFER_READ;
	EXPECT_EQ(-EACCES, submit_ethosu(self->fd, &job));
	EXPECT_TRUE(all_bytes(self->target, 0, PAGE));
}

TEST_F(npu, a_used_region_needs_a_buffer)
{
	static const __u32 bad[] = { ACCEL_ETHOSU_NO_BUFFER, 2, 3, 8, 0x80000000, 0xfffffffe };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		for (int region = 0; region < 2; region++) {
			struct ethosu_job job;

			copy(&job, self->in.handle, 0, self->out.handle, 0);
			job.payload.job.regions[region] = bad[i];
			EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job))
				TH_LOG("region %d is %#x", region, bad[i]);
		}
	}
}

TEST_F(npu, a_region_without_a_buffer_is_refused_even_if_unused)
{
	struct ethosu_job job;

	stop_only(&job);
	job.payload.job.regions[7] = 0;
	EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job));
}

TEST_F(npu, refusals_say_why_and_where)
{
	struct ethosu_job job;

	copy(&job, self->in.handle, 0, self->out.handle, 0);
	job.payload.words[8] = OP(0x0ff, 0);
	EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job));
	EXPECT_NE(0U, job.submit.refused_reason);
	EXPECT_EQ(8U, job.submit.refused_at);
}

TEST_F(npu, streams_that_do_not_stop_once_at_the_end_are_refused)
{
	static const __u32 bad_ends[][2] = {
		{ OP_STOP, OP_STOP }, { OP_STOP, OP_DMA_WAIT }, { OP_DMA_WAIT, OP_DMA_WAIT },
		{ OP_DMA_WAIT, OP(0, 0) }, { OP_IRQ, OP_STOP }, { OP_STOP, 0xffffffff },
		{ OP(SET_DMA0_LEN, 0), OP_STOP }, { OP_DMA_WAIT, OP_STOP | 0x400 },
		{ OP_DMA_WAIT, OP_STOP | 0x8000 }, { OP_DMA_WAIT, OP_STOP | 0x4000 },
	};
	struct ethosu_job job;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad_ends); i++) {
		begin(&job);
		word(&job, bad_ends[i][0]);
		word(&job, bad_ends[i][1]);
		EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job))
			TH_LOG("%#x %#x", bad_ends[i][0], bad_ends[i][1]);
		EXPECT_NE(0U, job.submit.refused_reason);
	}
}

TEST_F(npu, every_cut_of_a_payload_is_refused)
{
	struct ethosu_job job;
	__u32 whole;

	copy(&job, self->in.handle, 0, self->out.handle, 0);
	whole = job.entry.payload_size;
	for (__u32 size = 0; size < whole; size++) {
		job.entry.payload_size = size;
		EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job));
	}
	job.entry.payload_size = whole;
	EXPECT_EQ(0, run_ethosu(self->fd, &job, NULL));
}

TEST_F(npu, a_stream_too_long_is_e2big)
{
	struct ethosu_job job;

	stop_only(&job);
	job.entry.payload_size = sizeof(struct accel_ethosu_job) + (16 << 20) + 4;
	EXPECT_EQ(-E2BIG, submit_ethosu(self->fd, &job));
	job.entry.payload_size = UINT32_MAX;
	EXPECT_EQ(-E2BIG, submit_ethosu(self->fd, &job));
}

TEST_F(npu, a_long_stream_runs)
{
	const __u32 size = sizeof(struct accel_ethosu_job) + (1 << 20);
	struct ethosu_job job;
	__u32 *payload = anonymous(size);

	stop_only(&job);
	memset(payload, 0xff, sizeof(struct accel_ethosu_job));
	for (unsigned int i = ACCEL_ETHOSU_REGIONS; i < size / 4 - 1; i++)
		payload[i] = OP_DMA_WAIT;
	payload[size / 4 - 1] = OP_STOP;
	job.entry.payload = user(payload);
	job.entry.payload_size = size;
	EXPECT_EQ(0, run_ethosu(self->fd, &job, NULL));
}

TEST_F(npu, a_stream_needs_its_own_registers)
{
	struct ethosu_job job;

	copy(&job, self->in.handle, 0, self->out.handle, 0);
	EXPECT_EQ(0, run_ethosu(self->fd, &job, NULL));
	begin(&job);
	word(&job, OP_DMA_START);
	word(&job, OP_STOP);
	EXPECT_EQ(-EINVAL, submit_ethosu(self->fd, &job));
}

/* Whether garbage in a submission may have this end. */
static bool is_documented(int error)
{
	switch (-error) {
	case 0: case EINVAL: case EACCES: case ENOENT: case EOPNOTSUPP: case E2BIG: case EFAULT:
	case EIO:
		return true;
	default:
		return false;
	}
}

static const __u32 garbage[] = {
	0, 1, 2, 3, 7, 8, 0xff, 0x100, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xffff, 0x10000, 0xffff0000,
	0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
};

/* Runs copies of a good job with garbage in each of @count words at @offset of it. */
static void try_garbage(struct __test_metadata *_metadata, FIXTURE_DATA(npu) *self, size_t offset,
			unsigned int count)
{
	for (unsigned int at = 0; at < count; at++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(garbage) + 32; i++) {
			struct ethosu_job job;
			__u32 *target;
			int error;

			copy(&job, self->in.handle, 0, self->out.handle, 0);
			target = (__u32 *)((char *)&job + offset) + at;
			if (i < 32)
				*target ^= 1U << i;
			else
				*target = garbage[i - 32];
			error = run_ethosu(self->fd, &job, NULL);
			EXPECT_TRUE(is_documented(error))
				TH_LOG("word %u, try %u: %d", at, i, error);
		}
	}
	EXPECT_EQ(0, run_stop(self->fd));
}

TEST_F_TIMEOUT(npu, garbage_in_the_submission_is_harmless, 300)
{
	try_garbage(_metadata, self, offsetof(struct ethosu_job, submit),
		    sizeof(struct accel_submit) / sizeof(__u32));
}

TEST_F_TIMEOUT(npu, garbage_in_the_job_is_harmless, 300)
{
	try_garbage(_metadata, self, offsetof(struct ethosu_job, entry),
		    sizeof(struct accel_submit_job) / sizeof(__u32));
}

TEST_F_TIMEOUT(npu, garbage_in_the_buffers_is_harmless, 300)
{
	try_garbage(_metadata, self, offsetof(struct ethosu_job, buffers), 4);
}

TEST_F_TIMEOUT(npu, garbage_in_the_regions_is_harmless, 300)
{
	try_garbage(_metadata, self, offsetof(struct ethosu_job, payload.job),
		    ACCEL_ETHOSU_REGIONS);
}

TEST_F_TIMEOUT(npu, garbage_in_the_stream_is_harmless, 300)
{
	struct accel_buffer_create other;
	unsigned char *memory = create_mapped(self->fd, PAGE, &other);

	ASSERT_NE((void *)MAP_FAILED, (void *)memory);
	memset(memory, UNTOUCHED, PAGE);
	try_garbage(_metadata, self, offsetof(struct ethosu_job, payload.words), 11);
	EXPECT_TRUE(all_bytes(memory, UNTOUCHED, PAGE));
}

TEST_HARNESS_MAIN
