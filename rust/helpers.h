/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions for what C has as macros and inline functions only.
 */
#ifndef _ACCEL_HELPERS_H
#define _ACCEL_HELPERS_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>

/* accounting_parameter.c */
struct accel_switch {
	struct static_key_false off;
};

extern struct accel_switch accel_accounting;

struct dmem_cgroup_pool_state;
struct hwmon_chip_info;
struct mem_cgroup;
struct dmem_cgroup_region;
struct p2pdma_provider;

/* Told that memory moves; returns whether it could wait for that. */
typedef bool (*accel_mirror_invalidate_t)(const void *cookie, bool may_sleep, unsigned long seq);

struct accel_mirror {
#ifdef CONFIG_HMM_MIRROR
	struct mmu_interval_notifier notifier;
#endif
	accel_mirror_invalidate_t invalidate;
	const void *cookie;
};

struct cdev *accel_helper_inode_cdev(const struct inode *inode);
void accel_helper_device_attribute_init(struct device_attribute *attr, const char *name,
					ssize_t (*show)(struct device *dev,
							struct device_attribute *attr, char *buf),
					ssize_t (*store)(struct device *dev,
							 struct device_attribute *attr,
							 const char *buf, size_t count));
void accel_helper_coredump(struct device *dev, void *data, size_t size);
int accel_helper_device_changed(struct device *dev, char *what);
void accel_helper_attribute_group_init(struct attribute_group *group, const char *name,
				       struct attribute **attrs);
struct device *accel_helper_hwmon_register(struct device *dev, const char *name, void *data,
					   const struct hwmon_chip_info *info,
					   const struct attribute_group **groups);
void accel_helper_hwmon_unregister(struct device *dev);
int accel_helper_dma_mapping_error(struct device *dev, dma_addr_t addr);
bool accel_helper_dma_need_sync(struct device *dev, dma_addr_t addr);
bool accel_helper_dma_dev_need_sync(struct device *dev);
void accel_helper_dma_sync_for_cpu(struct device *dev, dma_addr_t addr, size_t size);
void accel_helper_dma_sync_for_device(struct device *dev, dma_addr_t addr, size_t size);
int accel_helper_dev_to_node(struct device *dev);
struct pci_dev *accel_helper_to_pci_dev(struct device *dev);
bool accel_helper_device_sleeps(struct device *dev);
void accel_helper_pci_sleep(struct device *dev);
void accel_helper_runtime_begin(struct device *dev);
void accel_helper_runtime_hold(struct device *dev);
void accel_helper_runtime_end(struct device *dev);
void accel_helper_runtime_used(struct device *dev);
int accel_helper_runtime_resume(struct device *dev);
void accel_helper_pci_request_resume(struct pci_dev *pdev);
bool accel_helper_suspend_loses_power(void);
bool accel_helper_suspend_lost_power(void);
void accel_helper_init_irq_work(struct irq_work *work, void (*func)(struct irq_work *work));
unsigned long accel_helper_vmf_pgoff(const struct vm_fault *vmf);
void accel_helper_fs_reclaim_acquire(void);
void accel_helper_fs_reclaim_release(void);
bool accel_helper_trylock_page(struct page *page);
void accel_helper_vmf_set_page(struct vm_fault *vmf, struct page *page);
vm_fault_t accel_helper_vmf_insert_folio(struct vm_fault *vmf, struct page *page,
					 unsigned long index);
void accel_helper_vma_set_pgoff(struct vm_area_struct *vma, unsigned long pgoff);
int accel_helper_check_zeroed_user(unsigned long from, size_t size);
void accel_helper_ida_init(struct ida *ida);
struct page *accel_helper_alloc_folio(unsigned int order);
struct page *accel_helper_alloc_split_pages(unsigned int order);
void accel_helper_put_page(struct page *page);
int accel_helper_set_pages_wc(struct page *first, size_t count);
void accel_helper_set_pages_wb(struct page *first, size_t count);
void accel_helper_vma_set_wc(struct vm_area_struct *vma);
void accel_helper_vma_set_uncached(struct vm_area_struct *vma);
int accel_helper_account_pinned(struct mm_struct *mm, unsigned long count);
void accel_helper_unaccount_pinned(struct mm_struct *mm, unsigned long count);
void accel_helper_vma_set_pfnmap(struct vm_area_struct *vma);
vm_fault_t accel_helper_vmf_insert_pfns(struct vm_fault *vmf, unsigned long pfn, unsigned long at,
					unsigned long count);
vm_fault_t accel_helper_vmf_insert_huge_pfn(struct vm_fault *vmf, unsigned long pfn,
					    unsigned long at, unsigned long count);
vm_fault_t accel_helper_vmf_insert_page(struct vm_fault *vmf, struct page *page);
struct file *accel_helper_new_address_space(const char *name);
bool accel_helper_is_mapped(struct address_space *mapping);
void accel_helper_copy_from_io(void *to, const void *from, size_t size);
void accel_helper_copy_to_io(void *to, const void *from, size_t size);
void accel_helper_fill_io(void *to, u8 value, size_t size);
void accel_helper_store_io(void *to, u64 value, size_t count);
struct dmem_cgroup_region *accel_helper_dmem_register(const char *name, u64 size);
void accel_helper_dmem_unregister(struct dmem_cgroup_region *region);
int accel_helper_dmem_charge(struct dmem_cgroup_region *region, u64 size,
			     struct dmem_cgroup_pool_state **pool);
void accel_helper_dmem_uncharge(struct dmem_cgroup_pool_state *pool, u64 size);
unsigned long accel_helper_totalram_pages(void);
void accel_helper_current_name(char name[16]);
bool accel_helper_capable_perfmon(void);
bool accel_helper_capable_sys_nice(void);
struct pid *accel_helper_current_pid(void);
pid_t accel_helper_pid_nr(struct pid *pid);
u32 accel_helper_user_in(const struct cred *cred, u32 user);
u32 accel_helper_current_user(void);
bool accel_helper_capable_sys_admin(void);
int accel_helper_copy_in(void *to, unsigned long from, size_t size);
int accel_helper_copy_out(unsigned long to, const void *from, size_t size);
bool accel_helper_is_memory_bar(struct pci_dev *pdev, int bar);
struct p2pdma_provider *accel_helper_p2pdma_provider(struct pci_dev *pdev, int bar);
int accel_helper_peer_attach(struct dma_buf_attachment *attachment, struct pci_dev *exporter);
struct sg_table *accel_helper_map_peer(struct dma_buf_attachment *attachment,
				       struct p2pdma_provider *provider, struct phys_vec *list,
				       size_t count, size_t size,
				       enum dma_data_direction direction);
void accel_helper_unmap_peer(struct dma_buf_attachment *attachment, struct sg_table *table,
			     enum dma_data_direction direction);
bool accel_helper_dma_buf_get_active(struct dma_buf *buf);
void accel_helper_dma_buf_revoke(struct dma_buf *buf, bool *is_revoked);
int accel_helper_dma_buf_map_pinned(struct dma_buf_attachment *attachment, struct sg_table **table,
				    u64 *address, bool *is_contiguous, bool *is_peer,
				    enum dma_data_direction direction);
void accel_helper_dma_buf_unmap_pinned(struct dma_buf_attachment *attachment,
				       struct sg_table **table,
				       enum dma_data_direction direction, bool wait);
size_t accel_helper_dma_buf_segments(struct dma_buf *buf, struct sg_table **table, u64 *segments,
				     size_t count);
void accel_helper_get_dma_buf(struct dma_buf *buf);
size_t accel_helper_sg_contiguous(struct sg_table *table, dma_addr_t *address);
size_t accel_helper_sg_segments(struct sg_table *table, u64 *segments, size_t count);
unsigned int accel_helper_dma_get_max_seg_size(struct device *dev);
struct scatterlist *accel_helper_sg_set_pages(struct scatterlist *sg, struct page *first,
					      size_t count);
void accel_helper_dma_unmap_sgtable(struct device *dev, struct sg_table *table,
				    enum dma_data_direction direction);
void accel_helper_dma_sync_sgtable(struct device *dev, struct sg_table *table,
				   enum dma_data_direction direction, bool for_cpu);
void accel_helper_dma_buf_for_each(struct dma_buf *buf, void (*f)(void *priv, bool arg), bool arg);
int accel_helper_vmap(struct page **pages, size_t count, bool wc, struct iosys_map *map);
void accel_helper_vunmap(struct iosys_map *map);
bool accel_helper_try_this_module_get(void);
void accel_helper_this_module_put(void);
void accel_helper_dma_fence_get(struct dma_fence *fence);
void accel_helper_dma_fence_put(struct dma_fence *fence);
int accel_helper_dma_fence_status(struct dma_fence *fence);
ktime_t accel_helper_dma_fence_timestamp(struct dma_fence *fence);
void accel_helper_dma_fence_set_error(struct dma_fence *fence, int error);
bool accel_helper_dma_fence_begin_signalling(void);
void accel_helper_dma_fence_end_signalling(bool cookie);
struct dma_fence *accel_helper_dma_fence_merge(struct dma_fence **fences, size_t count);
void accel_helper_ww_acquire_init(struct ww_acquire_ctx *ctx);
void accel_helper_ww_acquire_done(struct ww_acquire_ctx *ctx);
void accel_helper_ww_acquire_fini(struct ww_acquire_ctx *ctx);
int accel_helper_dma_resv_lock(struct dma_resv *resv, struct ww_acquire_ctx *ctx, bool slow);
bool accel_helper_dma_resv_trylock(struct dma_resv *resv);
void accel_helper_dma_resv_unlock(struct dma_resv *resv);
struct file *accel_helper_sync_file_create(void);
void accel_helper_sync_file_set_fence(struct file *file, struct dma_fence *fence);
int accel_helper_mirror_insert(struct accel_mirror *mirror, unsigned long address, size_t size,
			       accel_mirror_invalidate_t invalidate, const void *cookie);
void accel_helper_mirror_remove(struct accel_mirror *mirror);
void accel_helper_mirror_release(struct accel_mirror *mirror);
int accel_helper_mirror_find(struct accel_mirror *mirror, unsigned long *pfns, bool write,
			     unsigned long *seq);
bool accel_helper_mirror_has_moved(struct accel_mirror *mirror, unsigned long seq);
void accel_helper_mirror_moves(struct accel_mirror *mirror, unsigned long seq);
int accel_helper_mirror_map(struct device *dev, unsigned long pfn, size_t count, bool write,
			    u64 *address);
struct mem_cgroup *accel_helper_mirror_charge(struct accel_mirror *mirror);
void accel_helper_mirror_uncharge(struct mem_cgroup *before);
void accel_helper_mirror_unmap(struct device *dev, u64 address, size_t size);

#endif
