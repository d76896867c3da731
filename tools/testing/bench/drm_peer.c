// SPDX-License-Identifier: GPL-2.0
/*
 * The peer of the bench's row kernel_submit_wait: what a job costs through mainline's drm_sched.
 *
 * From the ioctl to the release of a job this driver makes the calls of
 * drivers/accel/ethosu/ethosu_job.c of the same kernel, in the same order and by the same names,
 * "ethosu" apart. The device is that of accel_fake: it ends every job at once, from irq_work. Where
 * it differs from ethosu, and why:
 *
 * - A job's fence goes into a syncobj, by which user space waits: as panfrost_ioctl_submit() does
 *   it. ethosu has no more than a wait for everything that writes a BO.
 * - A job has no BO with a command stream and no SRAM, and what ethosu compares with them is not
 *   compared: our jobs have none either. Which BOs are written is said in the job.
 * - There are no counters (perfmon), which ethosu has a mutex for in run_job().
 * - The irq_work signals the fence itself. ethosu has a thread for that, accel_fake has not.
 * - BOs are of the shmem helper, as the DMA helper is not in the kernel of the bench; a job touches
 *   only their reference count and their dma_resv.
 * - It has a render node: accel nodes (CONFIG_DRM_ACCEL) exclude ours.
 *
 * Each of them but the first leaves out work of the peer's.
 *
 * Runtime PM is that of ethosu, call by call; its device never sleeps, as jobs come before the
 * delay is over. Ours pays for its own: Device::enter_awake() looks whether the device is awake
 * for every job, of accel_fake as of drivers whose devices do sleep. The kernel of the bench had no
 * CONFIG_PM at first, when the peer had 13,498 instructions and the row was 0.61.
 *
 * To change what is measured here moves the target of the row: say why in the commit.
 */

#include <linux/device/faux.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/irq_work.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_print.h>
#include <drm/drm_syncobj.h>
#include <drm/gpu_scheduler.h>

#include "drm_peer.h"

#define JOB_TIMEOUT_MS 500

struct peer_device {
	struct drm_device base;

	struct drm_gpu_scheduler sched;
	/* For the order of arming and pushing. */
	struct mutex sched_lock;

	/* Ends the job in flight, in the place of an interrupt. */
	struct irq_work irq;
	struct peer_job *in_flight_job;

	/* Of all fences of jobs. */
	spinlock_t fence_lock;
	u64 fence_context;
	u64 emit_seqno;
};

struct peer_file_priv {
	struct peer_device *pdev;
	struct drm_sched_entity sched_entity;
};

struct peer_job {
	struct drm_sched_job base;
	struct peer_device *dev;

	struct drm_gem_object *bo[DRM_PEER_MAX_BOS];
	u8 bo_num[DRM_PEER_MAX_BOS];
	u8 bo_cnt;
	u32 written;

	/* Fence to be signaled by drm-sched once its done with the job */
	struct dma_fence *inference_done_fence;

	/* Fence to be signaled by the irq_work when the job is complete. */
	struct dma_fence *done_fence;

	struct kref refcount;
};

static struct peer_device *to_peer_device(struct drm_device *dev)
{
	return container_of(dev, struct peer_device, base);
}

static struct peer_job *to_peer_job(struct drm_sched_job *sched_job)
{
	return container_of(sched_job, struct peer_job, base);
}

static const char *peer_fence_get_driver_name(struct dma_fence *fence)
{
	return "drm_peer";
}

static const char *peer_fence_get_timeline_name(struct dma_fence *fence)
{
	return "drm_peer-npu";
}

static const struct dma_fence_ops peer_fence_ops = {
	.get_driver_name = peer_fence_get_driver_name,
	.get_timeline_name = peer_fence_get_timeline_name,
};

static int peer_acquire_object_fences(struct peer_job *job)
{
	struct drm_gem_object **bos = job->bo;
	int i, ret;

	for (i = 0; i < job->bo_cnt; i++) {
		bool is_write;

		ret = dma_resv_reserve_fences(bos[i]->resv, 1);
		if (ret)
			return ret;

		is_write = job->written & BIT(job->bo_num[i]);
		ret = drm_sched_job_add_implicit_dependencies(&job->base, bos[i],
							      is_write);
		if (ret)
			return ret;
	}

	return 0;
}

static void peer_attach_object_fences(struct peer_job *job)
{
	struct dma_fence *fence = job->inference_done_fence;
	struct drm_gem_object **bos = job->bo;
	int i;

	for (i = 0; i < job->bo_cnt; i++)
		if (job->written & BIT(job->bo_num[i]))
			dma_resv_add_fence(bos[i]->resv, fence, DMA_RESV_USAGE_WRITE);
}

static int peer_job_push(struct peer_job *job)
{
	struct ww_acquire_ctx acquire_ctx;
	int ret;

	ret = drm_gem_lock_reservations(job->bo, job->bo_cnt, &acquire_ctx);
	if (ret)
		return ret;

	ret = peer_acquire_object_fences(job);
	if (ret)
		goto out;

	ret = pm_runtime_resume_and_get(job->dev->base.dev);
	if (!ret) {
		guard(mutex)(&job->dev->sched_lock);

		drm_sched_job_arm(&job->base);
		job->inference_done_fence = dma_fence_get(&job->base.s_fence->finished);
		kref_get(&job->refcount); /* put by scheduler job completion */
		drm_sched_entity_push_job(&job->base);
		peer_attach_object_fences(job);
	}

out:
	drm_gem_unlock_reservations(job->bo, job->bo_cnt, &acquire_ctx);
	return ret;
}

static void peer_job_err_cleanup(struct peer_job *job)
{
	unsigned int i;

	for (i = 0; i < job->bo_cnt; i++)
		drm_gem_object_put(job->bo[i]);

	if (job->done_fence) {
		if (dma_fence_was_initialized(job->done_fence))
			dma_fence_put(job->done_fence);
		else
			dma_fence_free(job->done_fence);
	}

	kfree(job);
}

static void peer_job_cleanup(struct kref *ref)
{
	struct peer_job *job = container_of(ref, struct peer_job, refcount);

	pm_runtime_put_autosuspend(job->dev->base.dev);

	dma_fence_put(job->inference_done_fence);

	peer_job_err_cleanup(job);
}

static void peer_job_put(struct peer_job *job)
{
	kref_put(&job->refcount, peer_job_cleanup);
}

static void peer_job_free(struct drm_sched_job *sched_job)
{
	struct peer_job *job = to_peer_job(sched_job);

	drm_sched_job_cleanup(sched_job);
	peer_job_put(job);
}

static struct dma_fence *peer_job_run(struct drm_sched_job *sched_job)
{
	struct peer_job *job = to_peer_job(sched_job);
	struct peer_device *dev = job->dev;
	struct dma_fence *fence = job->done_fence;

	if (unlikely(job->base.s_fence->finished.error))
		return NULL;

	dma_fence_init(fence, &peer_fence_ops, &dev->fence_lock,
		       dev->fence_context, ++dev->emit_seqno);
	dma_fence_get(fence);

	WRITE_ONCE(dev->in_flight_job, job);
	irq_work_queue(&dev->irq);

	return fence;
}

static void peer_job_handle_irq(struct irq_work *irq)
{
	struct peer_device *dev = container_of(irq, struct peer_device, irq);
	struct peer_job *job;

	job = READ_ONCE(dev->in_flight_job);
	if (job) {
		WRITE_ONCE(dev->in_flight_job, NULL);
		dma_fence_signal(job->done_fence);
	}
}

static enum drm_gpu_sched_stat peer_job_timedout(struct drm_sched_job *bad)
{
	struct peer_job *job = to_peer_job(bad);
	struct peer_device *dev = job->dev;

	drm_err(&dev->base, "a job timed out that takes no time\n");

	drm_sched_stop(&dev->sched, bad);

	irq_work_sync(&dev->irq);
	WRITE_ONCE(dev->in_flight_job, NULL);

	/* Restart the scheduler */
	drm_sched_start(&dev->sched, 0);

	return DRM_GPU_SCHED_STAT_RESET;
}

static const struct drm_sched_backend_ops peer_sched_ops = {
	.run_job = peer_job_run,
	.timedout_job = peer_job_timedout,
	.free_job = peer_job_free
};

static int peer_job_init(struct peer_device *pdev)
{
	struct device *dev = pdev->base.dev;
	struct drm_sched_init_args args = {
		.ops = &peer_sched_ops,
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
		.credit_limit = 1,
		.timeout = msecs_to_jiffies(JOB_TIMEOUT_MS),
		.name = dev_name(dev),
		.dev = dev,
	};
	int ret;

	spin_lock_init(&pdev->fence_lock);
	ret = devm_mutex_init(dev, &pdev->sched_lock);
	if (ret)
		return ret;

	init_irq_work(&pdev->irq, peer_job_handle_irq);

	pdev->fence_context = dma_fence_context_alloc(1);

	return drm_sched_init(&pdev->sched, &args);
}

static void peer_job_fini(struct peer_device *dev)
{
	drm_sched_fini(&dev->sched);
	irq_work_sync(&dev->irq);
}

static int peer_ioctl_submit_job(struct drm_device *dev, struct drm_file *file,
				 struct drm_peer_job *job)
{
	struct peer_file_priv *file_priv = file->driver_priv;
	struct drm_syncobj *sync_out = NULL;
	struct peer_job *pjob = NULL;
	int ret = 0;

	if (job->out_sync > 0) {
		sync_out = drm_syncobj_find(file, job->out_sync);
		if (!sync_out)
			return -ENODEV;
	}

	pjob = kzalloc_obj(*pjob);
	if (!pjob) {
		ret = -ENOMEM;
		goto out_put_syncout;
	}

	kref_init(&pjob->refcount);

	pjob->dev = to_peer_device(dev);
	pjob->written = job->written;

	pjob->done_fence = kzalloc_obj(*pjob->done_fence);
	if (!pjob->done_fence) {
		ret = -ENOMEM;
		goto out_put_job;
	}

	ret = drm_sched_job_init(&pjob->base,
				 &file_priv->sched_entity,
				 1, NULL, file->client_id);
	if (ret)
		goto out_put_job;

	for (int i = 0; i < DRM_PEER_MAX_BOS; i++) {
		struct drm_gem_object *gem;

		if (!job->bo_handles[i])
			continue;

		gem = drm_gem_object_lookup(file, job->bo_handles[i]);
		if (!gem) {
			ret = -ENOENT;
			goto out_cleanup_job;
		}

		pjob->bo[pjob->bo_cnt] = gem;
		pjob->bo_num[pjob->bo_cnt] = i;
		pjob->bo_cnt++;
	}

	ret = peer_job_push(pjob);
	if (!ret) {
		/* Update the return sync object for the job */
		if (sync_out)
			drm_syncobj_replace_fence(sync_out, pjob->inference_done_fence);
		peer_job_put(pjob);
		goto out_put_syncout;
	}

out_cleanup_job:
	if (ret)
		drm_sched_job_cleanup(&pjob->base);
out_put_job:
	peer_job_err_cleanup(pjob);
out_put_syncout:
	if (sync_out)
		drm_syncobj_put(sync_out);

	return ret;
}

static int peer_ioctl_submit(struct drm_device *dev, void *data, struct drm_file *file)
{
	struct drm_peer_submit *args = data;
	int ret = 0;
	unsigned int i = 0;

	if (args->pad)
		return -EINVAL;

	struct drm_peer_job *jobs __free(kvfree) = kvmalloc_objs(*jobs, args->job_count);
	if (!jobs)
		return -ENOMEM;

	if (copy_from_user(jobs, u64_to_user_ptr(args->jobs),
			   args->job_count * sizeof(*jobs))) {
		drm_dbg(dev, "Failed to copy incoming job array\n");
		return -EFAULT;
	}

	for (i = 0; i < args->job_count; i++) {
		ret = peer_ioctl_submit_job(dev, file, &jobs[i]);
		if (ret)
			return ret;
	}

	return 0;
}

static int peer_ioctl_bo_create(struct drm_device *dev, void *data, struct drm_file *file)
{
	struct drm_peer_bo_create *args = data;

	if (!args->size || args->flags)
		return -EINVAL;

	return drm_gem_shmem_create_with_handle(file, dev, PAGE_ALIGN(args->size), &args->handle);
}

static int peer_open(struct drm_device *dev, struct drm_file *file)
{
	struct peer_device *pdev = to_peer_device(dev);
	struct drm_gpu_scheduler *sched = &pdev->sched;
	int ret;

	struct peer_file_priv *priv __free(kfree) = kzalloc_obj(*priv);
	if (!priv)
		return -ENOMEM;
	priv->pdev = pdev;

	ret = drm_sched_entity_init(&priv->sched_entity, DRM_SCHED_PRIORITY_NORMAL,
				    &sched, 1, NULL);
	if (ret)
		return ret;

	file->driver_priv = no_free_ptr(priv);
	return 0;
}

static void peer_postclose(struct drm_device *dev, struct drm_file *file)
{
	struct peer_file_priv *priv = file->driver_priv;

	drm_sched_entity_destroy(&priv->sched_entity);
	kfree(priv);
}

static const struct drm_ioctl_desc peer_drm_driver_ioctls[] = {
	DRM_IOCTL_DEF_DRV(PEER_BO_CREATE, peer_ioctl_bo_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(PEER_SUBMIT, peer_ioctl_submit, DRM_RENDER_ALLOW),
};

DEFINE_DRM_GEM_FOPS(peer_drm_driver_fops);

static const struct drm_driver peer_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ,
	.open = peer_open,
	.postclose = peer_postclose,
	.ioctls = peer_drm_driver_ioctls,
	.num_ioctls = ARRAY_SIZE(peer_drm_driver_ioctls),
	.fops = &peer_drm_driver_fops,
	.name = "drm_peer",
	.desc = "Peer of the accel bench",
	.major = 1,
	.minor = 0,
};

static int peer_probe(struct faux_device *fdev)
{
	struct device *dev = &fdev->dev;
	struct peer_device *pdev;
	int ret;

	pdev = devm_drm_dev_alloc(dev, &peer_drm_driver, struct peer_device, base);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	faux_device_set_drvdata(fdev, pdev);

	pm_runtime_set_autosuspend_delay(dev, 50);
	pm_runtime_use_autosuspend(dev);
	ret = devm_pm_runtime_set_active_enabled(dev);
	if (ret)
		return ret;

	ret = peer_job_init(pdev);
	if (ret)
		return ret;

	ret = drm_dev_register(&pdev->base, 0);
	if (ret)
		peer_job_fini(pdev);
	return ret;
}

static void peer_remove(struct faux_device *fdev)
{
	struct peer_device *pdev = faux_device_get_drvdata(fdev);

	drm_dev_unregister(&pdev->base);
	peer_job_fini(pdev);
}

static const struct faux_device_ops peer_ops = {
	.probe = peer_probe,
	.remove = peer_remove,
};

static struct faux_device *peer_faux;

static int __init peer_init(void)
{
	peer_faux = faux_device_create("drm_peer", NULL, &peer_ops);
	return peer_faux ? 0 : -ENODEV;
}
module_init(peer_init);

static void __exit peer_exit(void)
{
	faux_device_destroy(peer_faux);
}
module_exit(peer_exit);

MODULE_AUTHOR("The accel developers");
MODULE_DESCRIPTION("Peer of the accel bench");
MODULE_LICENSE("GPL");
