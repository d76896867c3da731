/* SPDX-License-Identifier: GPL-2.0 */
/* Interface of drm_peer, shaped as that of ethosu (include/uapi/drm/ethosu_accel.h). */
#ifndef _DRM_PEER_H
#define _DRM_PEER_H

#include <drm/drm.h>

#define DRM_PEER_MAX_BOS	8

/**
 * struct drm_peer_bo_create - DRM_IOCTL_PEER_BO_CREATE
 * @size: in: bytes
 * @flags: in: must be 0
 * @handle: out: handle of the BO
 */
struct drm_peer_bo_create {
	__u64 size;
	__u32 flags;
	__u32 handle;
};

/**
 * struct drm_peer_job - a job that does nothing
 * @out_sync: in: syncobj that its fence goes into, 0 for none
 * @written: in: mask of the members of @bo_handles that it writes
 * @bo_handles: in: BOs that it names, 0 for none
 */
struct drm_peer_job {
	__u32 out_sync;
	__u32 written;
	__u32 bo_handles[DRM_PEER_MAX_BOS];
};

/**
 * struct drm_peer_submit - DRM_IOCTL_PEER_SUBMIT
 * @jobs: in: address of an array of &struct drm_peer_job
 * @job_count: in: how many
 * @pad: in: must be 0
 */
struct drm_peer_submit {
	__u64 jobs;
	__u32 job_count;
	__u32 pad;
};

#define DRM_IOCTL_PEER_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + 0, struct drm_peer_bo_create)
#define DRM_IOCTL_PEER_SUBMIT \
	DRM_IOW(DRM_COMMAND_BASE + 1, struct drm_peer_submit)

#endif /* _DRM_PEER_H */
