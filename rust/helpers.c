// SPDX-License-Identifier: GPL-2.0
/*
 * Functions for what C has as macros and inline functions only.
 */
#include <linux/anon_inodes.h>
#include <linux/cgroup_dmem.h>
#include <linux/devcoredump.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/hmm.h>
#include <linux/hwmon.h>
#include <linux/io.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/suspend.h>
#include <linux/sync_file.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <linux/set_memory.h>
#include <linux/vmalloc.h>

#include "helpers.h"

/* The number of the anonymous union that i_cdev is in depends on the configuration. */
struct cdev *accel_helper_inode_cdev(const struct inode *inode)
{
	return inode->i_cdev;
}
EXPORT_SYMBOL_GPL(accel_helper_inode_cdev);

void accel_helper_device_attribute_init(struct device_attribute *attr, const char *name,
					ssize_t (*show)(struct device *dev,
							struct device_attribute *attr, char *buf),
					ssize_t (*store)(struct device *dev,
							 struct device_attribute *attr,
							 const char *buf, size_t count))
{
	sysfs_attr_init(&attr->attr);
	attr->attr.name = name;
	attr->attr.mode = (show ? 0444 : 0) | (store ? 0200 : 0);
	attr->show = show;
	attr->store = store;
}
EXPORT_SYMBOL_GPL(accel_helper_device_attribute_init);

void accel_helper_coredump(struct device *dev, void *data, size_t size)
{
	dev_coredumpv(dev, data, size, GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(accel_helper_coredump);

int accel_helper_device_changed(struct device *dev, char *what)
{
	char *environment[2] = { what };

	return kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, environment);
}
EXPORT_SYMBOL_GPL(accel_helper_device_changed);

void accel_helper_attribute_group_init(struct attribute_group *group, const char *name,
				       struct attribute **attrs)
{
	group->name = name;
	group->attrs = attrs;
}
EXPORT_SYMBOL_GPL(accel_helper_attribute_group_init);

int accel_helper_dma_mapping_error(struct device *dev, dma_addr_t addr)
{
	return dma_mapping_error(dev, addr);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_mapping_error);

bool accel_helper_dma_need_sync(struct device *dev, dma_addr_t addr)
{
	return dma_need_sync(dev, addr);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_need_sync);

bool accel_helper_dma_dev_need_sync(struct device *dev)
{
	return dma_dev_need_sync(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_dev_need_sync);

void accel_helper_dma_sync_for_cpu(struct device *dev, dma_addr_t addr, size_t size)
{
	dma_sync_single_for_cpu(dev, addr, size, DMA_BIDIRECTIONAL);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_sync_for_cpu);

void accel_helper_dma_sync_for_device(struct device *dev, dma_addr_t addr, size_t size)
{
	dma_sync_single_for_device(dev, addr, size, DMA_BIDIRECTIONAL);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_sync_for_device);

int accel_helper_dev_to_node(struct device *dev)
{
	return dev_to_node(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_dev_to_node);

struct pci_dev *accel_helper_to_pci_dev(struct device *dev)
{
	return dev_is_pci(dev) ? to_pci_dev(dev) : NULL;
}
EXPORT_SYMBOL_GPL(accel_helper_to_pci_dev);

/* Faux devices do not. */
bool accel_helper_device_sleeps(struct device *dev)
{
	return !device_pm_not_required(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_device_sleeps);

/* One that has no such state stays on. */
void accel_helper_pci_sleep(struct device *dev)
{
	if (dev_is_pci(dev))
		pci_prepare_to_sleep(to_pci_dev(dev));
}
EXPORT_SYMBOL_GPL(accel_helper_pci_sleep);

/* Gives up the reference with which the PCI bus probes. */
void accel_helper_runtime_begin(struct device *dev)
{
	pm_runtime_set_autosuspend_delay(dev, 1000);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_runtime_begin);

/* Takes it back for the bus, and one more until the end. */
void accel_helper_runtime_hold(struct device *dev)
{
	pm_runtime_get_noresume(dev);
	pm_runtime_get_noresume(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_runtime_hold);

void accel_helper_runtime_end(struct device *dev)
{
	pm_runtime_dont_use_autosuspend(dev);
	pm_runtime_put_noidle(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_runtime_end);

void accel_helper_runtime_used(struct device *dev)
{
	pm_runtime_mark_last_busy(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_runtime_used);

int accel_helper_runtime_resume(struct device *dev)
{
	return pm_runtime_resume(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_runtime_resume);

void accel_helper_pci_request_resume(struct pci_dev *pdev)
{
	pm_request_resume(&pdev->dev);
}
EXPORT_SYMBOL_GPL(accel_helper_pci_request_resume);

bool accel_helper_suspend_loses_power(void)
{
	return pm_suspend_via_firmware();
}
EXPORT_SYMBOL_GPL(accel_helper_suspend_loses_power);

bool accel_helper_suspend_lost_power(void)
{
	return pm_resume_via_firmware();
}
EXPORT_SYMBOL_GPL(accel_helper_suspend_lost_power);

void accel_helper_init_irq_work(struct irq_work *work, void (*func)(struct irq_work *work))
{
	init_irq_work(work, func);
}
EXPORT_SYMBOL_GPL(accel_helper_init_irq_work);

unsigned long accel_helper_vmf_pgoff(const struct vm_fault *vmf)
{
	return vmf->pgoff;
}
EXPORT_SYMBOL_GPL(accel_helper_vmf_pgoff);

/* Tells lockdep of reclaim that is none, as for drop_caches; in real reclaim it knows already. */
void accel_helper_fs_reclaim_acquire(void)
{
	fs_reclaim_acquire(GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(accel_helper_fs_reclaim_acquire);

void accel_helper_fs_reclaim_release(void)
{
	fs_reclaim_release(GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(accel_helper_fs_reclaim_release);

bool accel_helper_trylock_page(struct page *page)
{
	return trylock_page(page);
}
EXPORT_SYMBOL_GPL(accel_helper_trylock_page);

/* Gives the fault handler's caller a reference to the page and its lock (VM_FAULT_LOCKED). */
void accel_helper_vmf_set_page(struct vm_fault *vmf, struct page *page)
{
	get_page(page);
	lock_page(page);
	vmf->page = page;
}
EXPORT_SYMBOL_GPL(accel_helper_vmf_set_page);

/* Maps the whole folio of which @page is page @index, if addresses allow. */
vm_fault_t accel_helper_vmf_insert_folio(struct vm_fault *vmf, struct page *page,
					 unsigned long index)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	unsigned long addr = vmf->address & HPAGE_PMD_MASK;

	if ((vmf->address - addr) >> PAGE_SHIFT == index &&
	    range_in_vma(vmf->vma, addr, addr + HPAGE_PMD_SIZE))
		return vmf_insert_folio_pmd(vmf, page_folio(page), vmf->flags & FAULT_FLAG_WRITE);
#endif
	return VM_FAULT_FALLBACK;
}
EXPORT_SYMBOL_GPL(accel_helper_vmf_insert_folio);

void accel_helper_vma_set_pgoff(struct vm_area_struct *vma, unsigned long pgoff)
{
	vma->vm_pgoff = pgoff;
}
EXPORT_SYMBOL_GPL(accel_helper_vma_set_pgoff);

int accel_helper_check_zeroed_user(unsigned long from, size_t size)
{
	return check_zeroed_user((const void __user *)from, size);
}
EXPORT_SYMBOL_GPL(accel_helper_check_zeroed_user);

void accel_helper_ida_init(struct ida *ida)
{
	ida_init(ida);
}
EXPORT_SYMBOL_GPL(accel_helper_ida_init);

/*
 * For memory that is charged to the memory cgroup of the caller. Does not try hard for more than
 * one page, and rather fails than that somebody is killed for one.
 */
static gfp_t zeroed(unsigned int order)
{
	return GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN |
	       (order ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL);
}

/* Zeroed pages that follow each other and are freed as one. */
struct page *accel_helper_alloc_folio(unsigned int order)
{
	struct folio *folio = folio_alloc(zeroed(order), order);

	return folio ? folio_page(folio, 0) : NULL;
}
EXPORT_SYMBOL_GPL(accel_helper_alloc_folio);

/* Zeroed pages that follow each other, each with a reference count of its own. */
struct page *accel_helper_alloc_split_pages(unsigned int order)
{
	struct page *page = alloc_pages(zeroed(order), order);

	if (page && order)
		split_page(page, order);
	return page;
}
EXPORT_SYMBOL_GPL(accel_helper_alloc_split_pages);

void accel_helper_put_page(struct page *page)
{
	put_page(page);
}
EXPORT_SYMBOL_GPL(accel_helper_put_page);

/* Changes how the kernel's own mapping of pages is cached, so that all mappings of them agree. */
int accel_helper_set_pages_wc(struct page *first, size_t count)
{
#ifdef CONFIG_X86
	return set_memory_wc((unsigned long)page_address(first), count);
#else
	return 0;
#endif
}
EXPORT_SYMBOL_GPL(accel_helper_set_pages_wc);

void accel_helper_set_pages_wb(struct page *first, size_t count)
{
#ifdef CONFIG_X86
	set_memory_wb((unsigned long)page_address(first), count);
#endif
}
EXPORT_SYMBOL_GPL(accel_helper_set_pages_wb);

void accel_helper_vma_set_wc(struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
}
EXPORT_SYMBOL_GPL(accel_helper_vma_set_wc);

void accel_helper_vma_set_uncached(struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
}
EXPORT_SYMBOL_GPL(accel_helper_vma_set_uncached);

/* As __ib_umem_get_va() does it. */
int accel_helper_account_pinned(struct mm_struct *mm, unsigned long count)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	unsigned long pinned = atomic64_add_return(count, &mm->pinned_vm);

	if (pinned > limit && !capable(CAP_IPC_LOCK)) {
		atomic64_sub(count, &mm->pinned_vm);
		return -ENOMEM;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(accel_helper_account_pinned);

void accel_helper_unaccount_pinned(struct mm_struct *mm, unsigned long count)
{
	atomic64_sub(count, &mm->pinned_vm);
}
EXPORT_SYMBOL_GPL(accel_helper_unaccount_pinned);

void accel_helper_vma_set_pfnmap(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_PFNMAP);
}
EXPORT_SYMBOL_GPL(accel_helper_vma_set_pfnmap);

/*
 * Maps page @at of the @count that begin with @pfn where the fault is, and as many of those around
 * it as are cheap to map now: the rest of an aligned block of 16 pages.
 */
vm_fault_t accel_helper_vmf_insert_pfns(struct vm_fault *vmf, unsigned long pfn, unsigned long at,
					unsigned long count)
{
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE);
	unsigned long end = ALIGN(addr + 1, 16 * PAGE_SIZE);
	vm_fault_t ret = vmf_insert_pfn(vmf->vma, addr, pfn + at);

	end = min(end, min(vmf->vma->vm_end, addr + ((count - at) << PAGE_SHIFT)));
	while (ret == VM_FAULT_NOPAGE && (addr += PAGE_SIZE) < end)
		if (vmf_insert_pfn(vmf->vma, addr, pfn + ++at) != VM_FAULT_NOPAGE)
			break;
	return ret;
}
EXPORT_SYMBOL_GPL(accel_helper_vmf_insert_pfns);

/* Maps a huge page of which the fault's is one, if addresses allow and all of it is in the run. */
vm_fault_t accel_helper_vmf_insert_huge_pfn(struct vm_fault *vmf, unsigned long pfn,
					    unsigned long at, unsigned long count)
{
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	unsigned long addr = vmf->address & HPAGE_PMD_MASK;
	unsigned long before = (vmf->address - addr) >> PAGE_SHIFT;

	if (at >= before && at - before + HPAGE_PMD_NR <= count &&
	    IS_ALIGNED(pfn + at - before, HPAGE_PMD_NR) &&
	    range_in_vma(vmf->vma, addr, addr + HPAGE_PMD_SIZE))
		return vmf_insert_pfn_pmd(vmf, pfn + at - before, vmf->flags & FAULT_FLAG_WRITE);
#endif
	return VM_FAULT_FALLBACK;
}
EXPORT_SYMBOL_GPL(accel_helper_vmf_insert_huge_pfn);

/* Maps a page of memory into a mapping that counts no references. */
vm_fault_t accel_helper_vmf_insert_page(struct vm_fault *vmf, struct page *page)
{
	return vmf_insert_pfn(vmf->vma, vmf->address & PAGE_MASK, page_to_pfn(page));
}
EXPORT_SYMBOL_GPL(accel_helper_vmf_insert_page);

/* A file that only lends its address space; whoever has it keeps this module loaded. */
struct file *accel_helper_new_address_space(const char *name)
{
	static const struct file_operations none = { .owner = THIS_MODULE };

	return anon_inode_create_getfile(name, &none, NULL, O_RDWR, NULL);
}
EXPORT_SYMBOL_GPL(accel_helper_new_address_space);

bool accel_helper_is_mapped(struct address_space *mapping)
{
	return mapping_mapped(mapping);
}
EXPORT_SYMBOL_GPL(accel_helper_is_mapped);

void accel_helper_copy_from_io(void *to, const void *from, size_t size)
{
	memcpy_fromio(to, (const void __iomem *)from, size);
}
EXPORT_SYMBOL_GPL(accel_helper_copy_from_io);

void accel_helper_copy_to_io(void *to, const void *from, size_t size)
{
	memcpy_toio((void __iomem *)to, from, size);
	/* Out of the write-combining buffers, so that others see it. */
	wmb();
}
EXPORT_SYMBOL_GPL(accel_helper_copy_to_io);

void accel_helper_fill_io(void *to, u8 value, size_t size)
{
	memset_io((void __iomem *)to, value, size);
	/* As above. */
	wmb();
}
EXPORT_SYMBOL_GPL(accel_helper_fill_io);

/* Each value is written as one, so that a device reads the old or the new one. */
void accel_helper_store_io(void *to, u64 value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		writeq(value, (u64 __iomem *)to + i);
	/* As above. */
	wmb();
}
EXPORT_SYMBOL_GPL(accel_helper_store_io);

struct dmem_cgroup_region *accel_helper_dmem_register(const char *name, u64 size)
{
	struct dmem_cgroup_init init = { .size = size };

	return dmem_cgroup_register_region(&init, "%s", name);
}
EXPORT_SYMBOL_GPL(accel_helper_dmem_register);

void accel_helper_dmem_unregister(struct dmem_cgroup_region *region)
{
	dmem_cgroup_unregister_region(region);
}
EXPORT_SYMBOL_GPL(accel_helper_dmem_unregister);

int accel_helper_dmem_charge(struct dmem_cgroup_region *region, u64 size,
			     struct dmem_cgroup_pool_state **pool)
{
	return dmem_cgroup_try_charge(region, size, pool, NULL);
}
EXPORT_SYMBOL_GPL(accel_helper_dmem_charge);

void accel_helper_dmem_uncharge(struct dmem_cgroup_pool_state *pool, u64 size)
{
	dmem_cgroup_uncharge(pool, size);
}
EXPORT_SYMBOL_GPL(accel_helper_dmem_uncharge);

/* The name of the current process, which is that of its first thread. */
void accel_helper_current_name(char name[16])
{
	BUILD_BUG_ON(TASK_COMM_LEN != 16);
	rcu_read_lock();
	strscpy_pad(name, current->group_leader->comm, TASK_COMM_LEN);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(accel_helper_current_name);

bool accel_helper_capable_sys_admin(void)
{
	return capable(CAP_SYS_ADMIN);
}
EXPORT_SYMBOL_GPL(accel_helper_capable_sys_admin);

bool accel_helper_capable_perfmon(void)
{
	return perfmon_capable();
}
EXPORT_SYMBOL_GPL(accel_helper_capable_perfmon);

u32 accel_helper_current_user(void)
{
	return from_kuid(&init_user_ns, current_euid());
}
EXPORT_SYMBOL_GPL(accel_helper_current_user);

/* NULL if the kernel has no hwmon, or has it where we do not reach it. */
struct device *accel_helper_hwmon_register(struct device *dev, const char *name, void *data,
					   const struct hwmon_chip_info *info,
					   const struct attribute_group **groups)
{
#if IS_REACHABLE(CONFIG_HWMON)
	return hwmon_device_register_with_info(dev, name, data, info, groups);
#else
	return NULL;
#endif
}
EXPORT_SYMBOL_GPL(accel_helper_hwmon_register);

void accel_helper_hwmon_unregister(struct device *dev)
{
#if IS_REACHABLE(CONFIG_HWMON)
	hwmon_device_unregister(dev);
#endif
}
EXPORT_SYMBOL_GPL(accel_helper_hwmon_unregister);

u32 accel_helper_user_in(const struct cred *cred, u32 user)
{
	return from_kuid_munged(cred->user_ns, make_kuid(&init_user_ns, user));
}
EXPORT_SYMBOL_GPL(accel_helper_user_in);

struct pid *accel_helper_current_pid(void)
{
	return get_task_pid(current, PIDTYPE_TGID);
}
EXPORT_SYMBOL_GPL(accel_helper_current_pid);

pid_t accel_helper_pid_nr(struct pid *pid)
{
	return pid_nr(pid);
}
EXPORT_SYMBOL_GPL(accel_helper_pid_nr);

bool accel_helper_capable_sys_nice(void)
{
	return capable(CAP_SYS_NICE);
}
EXPORT_SYMBOL_GPL(accel_helper_capable_sys_nice);

unsigned long accel_helper_totalram_pages(void)
{
	return totalram_pages();
}
EXPORT_SYMBOL_GPL(accel_helper_totalram_pages);

/* Up to 31 words; for more, and for odd bytes, a string operation is cheaper. */
#define IS_SMALL(size)	(!((size) & ~0xf8UL))

/*
 * copy_from_user() for small structs: a few moves instead of a string operation, with
 * the same chance to fail for fault injection. @to is aligned to 8 bytes.
 */
int accel_helper_copy_in(void *to, unsigned long from, size_t size)
{
	const void __user *user = (const void __user *)from;
	size_t i = 0;

#define GET(at) unsafe_get_user(*(u64 *)(to + (at)), (const u64 __user *)(begin + (at)), fault)
	if (unlikely(!IS_SMALL(size)))
		return copy_from_user(to, user, size) ? -EFAULT : 0;
	might_fault();
	if (should_fail_usercopy())
		return -EFAULT;
	scoped_user_read_access_size(user, size, fault) {
		const void __user *begin = user;

		for (; i + 32 <= size; i += 32) {
			GET(i);
			GET(i + 8);
			GET(i + 16);
			GET(i + 24);
		}
#pragma clang loop unroll(disable)
		for (; i < size; i += 8)
			GET(i);
	}
#undef GET
	return 0;
fault:
	return -EFAULT;
}
EXPORT_SYMBOL_GPL(accel_helper_copy_in);

/* copy_to_user() for small structs. */
int accel_helper_copy_out(unsigned long to, const void *from, size_t size)
{
	void __user *user = (void __user *)to;
	size_t i = 0;

#define PUT(at) unsafe_put_user(get_unaligned((const u64 *)(from + (at))), \
				(u64 __user *)(begin + (at)), fault)
	if (unlikely(!IS_SMALL(size)))
		return copy_to_user(user, from, size) ? -EFAULT : 0;
	might_fault();
	if (should_fail_usercopy())
		return -EFAULT;
	scoped_user_write_access_size(user, size, fault) {
		void __user *begin = user;

		for (; i + 32 <= size; i += 32) {
			PUT(i);
			PUT(i + 8);
			PUT(i + 16);
			PUT(i + 24);
		}
#pragma clang loop unroll(disable)
		for (; i < size; i += 8)
			PUT(i);
	}
#undef PUT
	return 0;
fault:
	return -EFAULT;
}
EXPORT_SYMBOL_GPL(accel_helper_copy_out);

MODULE_IMPORT_NS("DMA_BUF");

bool accel_helper_is_memory_bar(struct pci_dev *pdev, int bar)
{
	return bar < PCI_STD_NUM_BARS && pci_resource_flags(pdev, bar) & IORESOURCE_MEM;
}
EXPORT_SYMBOL_GPL(accel_helper_is_memory_bar);

/* By what other devices reach a BAR, NULL if they cannot; until the driver is unbound. */
struct p2pdma_provider *accel_helper_p2pdma_provider(struct pci_dev *pdev, int bar)
{
	return pcim_p2pdma_init(pdev) ? NULL : pcim_p2pdma_provider(pdev, bar);
}
EXPORT_SYMBOL_GPL(accel_helper_p2pdma_provider);

/* Whether an attachment may have memory of a device that can go away. */
int accel_helper_peer_attach(struct dma_buf_attachment *attachment, struct pci_dev *exporter)
{
	if (!attachment->peer2peer || !dma_buf_attach_revocable(attachment) ||
	    pci_p2pdma_distance_many(exporter, &attachment->dev, 1, false) < 0)
		return -EOPNOTSUPP;
	return 0;
}
EXPORT_SYMBOL_GPL(accel_helper_peer_attach);

struct sg_table *accel_helper_map_peer(struct dma_buf_attachment *attachment,
				       struct p2pdma_provider *provider, struct phys_vec *list,
				       size_t count, size_t size,
				       enum dma_data_direction direction)
{
	return dma_buf_phys_vec_to_sgt(attachment, provider, list, count, size, direction);
}
EXPORT_SYMBOL_GPL(accel_helper_map_peer);

void accel_helper_unmap_peer(struct dma_buf_attachment *attachment, struct sg_table *table,
			     enum dma_data_direction direction)
{
	/* The entries to free; 0 tells importers that none has a page, and 7.3 frees none then. */
	table->orig_nents = table->nents;
	dma_buf_free_sgt(attachment, table, direction);
}
EXPORT_SYMBOL_GPL(accel_helper_unmap_peer);

/* Takes a reference, unless the last one is gone; the dma-buf must not be released yet. */
bool accel_helper_dma_buf_get_active(struct dma_buf *buf)
{
	return get_file_active(&buf->file);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_buf_get_active);

/* Tells all importers, and waits for their jobs; they unmap later. */
void accel_helper_dma_buf_revoke(struct dma_buf *buf, bool *is_revoked)
{
	dma_resv_lock(buf->resv, NULL);
	WRITE_ONCE(*is_revoked, true);
	dma_buf_invalidate_mappings(buf);
	dma_resv_wait_timeout(buf->resv, DMA_RESV_USAGE_BOOKKEEP, false, MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(buf->resv);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_buf_revoke);

/* How many bytes from its start on the device sees in one piece, which begins at @address. */
size_t accel_helper_sg_contiguous(struct sg_table *table, dma_addr_t *address)
{
	struct scatterlist *sg;
	size_t size = 0;
	unsigned int i;

	*address = sg_dma_address(table->sgl);
	for_each_sgtable_dma_sg(table, sg, i) {
		if (sg_dma_address(sg) != *address + size)
			break;
		size += sg_dma_len(sg);
	}
	return size;
}
EXPORT_SYMBOL_GPL(accel_helper_sg_contiguous);

/* Stores address and length of each DMA segment, at most @count; returns how many there are. */
size_t accel_helper_sg_segments(struct sg_table *table, u64 *segments, size_t count)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(table, sg, i) {
		if (i >= count)
			break;
		segments[2 * i] = sg_dma_address(sg);
		segments[2 * i + 1] = sg_dma_len(sg);
	}
	return table->nents;
}
EXPORT_SYMBOL_GPL(accel_helper_sg_segments);

/*
 * Whether @address is that of a BAR for @dev. dma-buf does not say: but neither memory of the host
 * nor what an IOMMU translates (iova_reserve_pci_windows()) is in a window of the host bridge.
 */
static bool is_peer_address(struct device *dev, dma_addr_t address)
{
	struct resource_entry *window;

	if (!dev_is_pci(dev))
		return false;
	resource_list_for_each_entry(window, &pci_find_host_bridge(to_pci_dev(dev)->bus)->windows) {
		resource_size_t start = window->res->start - window->offset;

		if (resource_type(window->res) == IORESOURCE_MEM && address >= start &&
		    address - start < resource_size(window->res))
			return true;
	}
	return false;
}

/* Maps a dynamic attachment where it is and stays, once the memory is what it should be. */
int accel_helper_dma_buf_map_pinned(struct dma_buf_attachment *attachment, struct sg_table **table,
				    u64 *address, bool *is_contiguous, bool *is_peer,
				    enum dma_data_direction direction)
{
	struct dma_buf *buf = attachment->dmabuf;
	struct sg_table *mapped;
	long ret;

	dma_resv_lock(buf->resv, NULL);
	ret = dma_buf_pin(attachment);
	if (ret)
		goto unlock;
	mapped = dma_buf_map_attachment(attachment, direction);
	ret = PTR_ERR_OR_ZERO(mapped);
	if (ret)
		goto unpin;
	ret = dma_resv_wait_timeout(buf->resv, DMA_RESV_USAGE_KERNEL, true, MAX_SCHEDULE_TIMEOUT);
	if (ret < 0) {
		dma_buf_unmap_attachment(attachment, mapped, direction);
		goto unpin;
	}
	ret = 0;
	*table = mapped;
	WRITE_ONCE(*is_peer, is_peer_address(attachment->dev, sg_dma_address(mapped->sgl)));
	WRITE_ONCE(*is_contiguous,
		   accel_helper_sg_contiguous(mapped, address) >= buf->size);
	goto unlock;
unpin:
	dma_buf_unpin(attachment);
unlock:
	dma_resv_unlock(buf->resv);
	return ret;
}
EXPORT_SYMBOL_GPL(accel_helper_dma_buf_map_pinned);

/* Undoes it, if nobody was faster; @wait: after all jobs that may use it. */
void accel_helper_dma_buf_unmap_pinned(struct dma_buf_attachment *attachment,
				       struct sg_table **table,
				       enum dma_data_direction direction, bool wait)
{
	struct dma_resv *resv = attachment->dmabuf->resv;

	dma_resv_lock(resv, NULL);
	if (*table) {
		if (wait)
			dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false,
					      MAX_SCHEDULE_TIMEOUT);
		dma_buf_unmap_attachment(attachment, *table, direction);
		dma_buf_unpin(attachment);
		*table = NULL;
	}
	dma_resv_unlock(resv);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_buf_unmap_pinned);

/* As accel_helper_sg_segments(), of what is mapped by a dynamic attachment; 0: nothing is. */
size_t accel_helper_dma_buf_segments(struct dma_buf *buf, struct sg_table **table, u64 *segments,
				     size_t count)
{
	size_t ret = 0;

	dma_resv_lock(buf->resv, NULL);
	if (*table)
		ret = accel_helper_sg_segments(*table, segments, count);
	dma_resv_unlock(buf->resv);
	return ret;
}
EXPORT_SYMBOL_GPL(accel_helper_dma_buf_segments);

void accel_helper_get_dma_buf(struct dma_buf *buf)
{
	get_dma_buf(buf);
}
EXPORT_SYMBOL_GPL(accel_helper_get_dma_buf);

unsigned int accel_helper_dma_get_max_seg_size(struct device *dev)
{
	return dma_get_max_seg_size(dev);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_get_max_seg_size);

/* Returns the next entry. */
struct scatterlist *accel_helper_sg_set_pages(struct scatterlist *sg, struct page *first,
					      size_t count)
{
	sg_set_page(sg, first, count << PAGE_SHIFT, 0);
	return sg_next(sg);
}
EXPORT_SYMBOL_GPL(accel_helper_sg_set_pages);

void accel_helper_dma_unmap_sgtable(struct device *dev, struct sg_table *table,
				    enum dma_data_direction direction)
{
	dma_unmap_sgtable(dev, table, direction, 0);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_unmap_sgtable);

void accel_helper_dma_sync_sgtable(struct device *dev, struct sg_table *table,
				   enum dma_data_direction direction, bool for_cpu)
{
	if (for_cpu)
		dma_sync_sgtable_for_cpu(dev, table, direction);
	else
		dma_sync_sgtable_for_device(dev, table, direction);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_sync_sgtable);

/* Calls @f with the priv of each attachment. */
void accel_helper_dma_buf_for_each(struct dma_buf *buf, void (*f)(void *priv, bool arg), bool arg)
{
	struct dma_buf_attachment *attachment;

	dma_resv_lock(buf->resv, NULL);
	list_for_each_entry(attachment, &buf->attachments, node)
		f(attachment->priv, arg);
	dma_resv_unlock(buf->resv);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_buf_for_each);

int accel_helper_vmap(struct page **pages, size_t count, bool wc, struct iosys_map *map)
{
	pgprot_t prot = wc ? pgprot_writecombine(PAGE_KERNEL) : PAGE_KERNEL;
	void *addr = vmap(pages, count, VM_MAP, prot);

	if (!addr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, addr);
	return 0;
}
EXPORT_SYMBOL_GPL(accel_helper_vmap);

void accel_helper_vunmap(struct iosys_map *map)
{
	vunmap(map->vaddr);
	iosys_map_clear(map);
}
EXPORT_SYMBOL_GPL(accel_helper_vunmap);

/* The module that this is in; fails only while it is being removed. */
bool accel_helper_try_this_module_get(void)
{
	return try_module_get(THIS_MODULE);
}
EXPORT_SYMBOL_GPL(accel_helper_try_this_module_get);

void accel_helper_this_module_put(void)
{
	module_put(THIS_MODULE);
}
EXPORT_SYMBOL_GPL(accel_helper_this_module_put);

void accel_helper_dma_fence_get(struct dma_fence *fence)
{
	dma_fence_get(fence);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_fence_get);

void accel_helper_dma_fence_put(struct dma_fence *fence)
{
	dma_fence_put(fence);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_fence_put);

/*
 * dma_fence_get_status() without the lock, so that callbacks may ask, too: 0 while the fence is not
 * signalled, then 1 or a negative errno.
 */
int accel_helper_dma_fence_status(struct dma_fence *fence)
{
	if (!dma_fence_is_signaled(fence))
		return 0;
	/* The error is written before the flag, which test_and_set_bit() orders. */
	smp_rmb();
	return READ_ONCE(fence->error) ?: 1;
}
EXPORT_SYMBOL_GPL(accel_helper_dma_fence_status);

ktime_t accel_helper_dma_fence_timestamp(struct dma_fence *fence)
{
	return dma_fence_timestamp(fence);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_fence_timestamp);

void accel_helper_dma_fence_set_error(struct dma_fence *fence, int error)
{
	dma_fence_set_error(fence, error);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_fence_set_error);

bool accel_helper_dma_fence_begin_signalling(void)
{
	return dma_fence_begin_signalling();
}
EXPORT_SYMBOL_GPL(accel_helper_dma_fence_begin_signalling);

void accel_helper_dma_fence_end_signalling(bool cookie)
{
	dma_fence_end_signalling(cookie);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_fence_end_signalling);

struct dma_fence *accel_helper_dma_fence_merge(struct dma_fence **fences, size_t count)
{
	struct dma_fence_unwrap *cursors = kmalloc_objs(*cursors, count);
	struct dma_fence *merged;

	if (!cursors)
		return NULL;
	merged = __dma_fence_unwrap_merge(count, fences, cursors);
	kfree(cursors);
	return merged;
}
EXPORT_SYMBOL_GPL(accel_helper_dma_fence_merge);

void accel_helper_ww_acquire_init(struct ww_acquire_ctx *ctx)
{
	ww_acquire_init(ctx, &reservation_ww_class);
}
EXPORT_SYMBOL_GPL(accel_helper_ww_acquire_init);

void accel_helper_ww_acquire_done(struct ww_acquire_ctx *ctx)
{
	ww_acquire_done(ctx);
}
EXPORT_SYMBOL_GPL(accel_helper_ww_acquire_done);

void accel_helper_ww_acquire_fini(struct ww_acquire_ctx *ctx)
{
	ww_acquire_fini(ctx);
}
EXPORT_SYMBOL_GPL(accel_helper_ww_acquire_fini);

/* With a context that holds nothing, after -EDEADLK, @slow says that it was this lock. */
int accel_helper_dma_resv_lock(struct dma_resv *resv, struct ww_acquire_ctx *ctx, bool slow)
{
	if (slow)
		return dma_resv_lock_slow_interruptible(resv, ctx);
	return dma_resv_lock_interruptible(resv, ctx);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_resv_lock);

bool accel_helper_dma_resv_trylock(struct dma_resv *resv)
{
	return dma_resv_trylock(resv);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_resv_trylock);

void accel_helper_dma_resv_unlock(struct dma_resv *resv)
{
	dma_resv_unlock(resv);
}
EXPORT_SYMBOL_GPL(accel_helper_dma_resv_unlock);

/* A sync_file of a fence that is signalled already, until it is given its own. */
struct file *accel_helper_sync_file_create(void)
{
	struct dma_fence *stub = dma_fence_get_stub();
	struct sync_file *sync_file = sync_file_create(stub);

	dma_fence_put(stub);
	return sync_file ? sync_file->file : NULL;
}
EXPORT_SYMBOL_GPL(accel_helper_sync_file_create);

/* Gives a sync_file that nobody else has seen yet its fence. */
void accel_helper_sync_file_set_fence(struct file *file, struct dma_fence *fence)
{
	struct sync_file *sync_file = file->private_data;

	dma_fence_put(sync_file->fence);
	sync_file->fence = dma_fence_get(fence);
}
EXPORT_SYMBOL_GPL(accel_helper_sync_file_set_fence);

#ifdef CONFIG_HMM_MIRROR
static bool mirror_invalidate(struct mmu_interval_notifier *notifier,
			      const struct mmu_notifier_range *range, unsigned long seq)
{
	struct accel_mirror *mirror = container_of(notifier, struct accel_mirror, notifier);

	return mirror->invalidate(mirror->cookie, mmu_notifier_range_blockable(range), seq);
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = mirror_invalidate,
};

/* Tells of what happens to memory of the current process. */
int accel_helper_mirror_insert(struct accel_mirror *mirror, unsigned long address, size_t size,
			       accel_mirror_invalidate_t invalidate, const void *cookie)
{
	int ret;

	if (!access_ok((void __user *)address, size))
		return -EFAULT;
	mirror->invalidate = invalidate;
	mirror->cookie = cookie;
	ret = mmu_interval_notifier_insert(&mirror->notifier, current->mm, address, size,
					   &mirror_ops);
	if (ret)
		mirror->invalidate = NULL;
	else
		mmgrab(current->mm);
	return ret;
}

/* Undoes that, if it was done. What is under way still has the process's address space. */
void accel_helper_mirror_remove(struct accel_mirror *mirror)
{
	if (mirror->invalidate)
		mmu_interval_notifier_remove(&mirror->notifier);
}

/* Nothing is under way any more. */
void accel_helper_mirror_release(struct accel_mirror *mirror)
{
	if (mirror->invalidate)
		mmdrop(mirror->notifier.mm);
}

/* Brings all pages in, stores where they are. EFAULT: the process may not do that itself. */
int accel_helper_mirror_find(struct accel_mirror *mirror, unsigned long *pfns, bool write,
			     unsigned long *seq)
{
	struct mmu_interval_notifier *notifier = &mirror->notifier;
	struct mm_struct *mm = notifier->mm;
	struct hmm_range range = {
		.notifier = notifier,
		.start = notifier->interval_tree.start,
		.end = notifier->interval_tree.last + 1,
		.hmm_pfns = pfns,
		.default_flags = HMM_PFN_REQ_FAULT | (write ? HMM_PFN_REQ_WRITE : 0),
	};
	unsigned long i, count = (range.end - range.start) >> PAGE_SHIFT;
	int ret;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	*seq = range.notifier_seq = mmu_interval_read_begin(notifier);
	mmap_read_lock(mm);
	ret = hmm_range_fault(&range);
	mmap_read_unlock(mm);
	mmput(mm);
	for (i = 0; !ret && i < count; i++)
		pfns[i] &= ~HMM_PFN_FLAGS;
	return ret == -EPERM ? -EFAULT : ret;
}

bool accel_helper_mirror_has_moved(struct accel_mirror *mirror, unsigned long seq)
{
	return mmu_interval_read_retry(&mirror->notifier, seq);
}

void accel_helper_mirror_moves(struct accel_mirror *mirror, unsigned long seq)
{
	mmu_interval_set_seq(&mirror->notifier, seq);
}

static bool is_system_memory(unsigned long pfn, size_t count)
{
	for (; count; pfn++, count--) {
		if (is_zone_device_page(pfn_to_page(pfn)))
			return false;
	}
	return true;
}

/*
 * Maps pages that are contiguous, and cannot move meanwhile. EOPNOTSUPP: device and CPU do
 * not see the same there.
 */
int accel_helper_mirror_map(struct device *dev, unsigned long pfn, size_t count, bool write,
			    u64 *address)
{
	size_t i, size = count << PAGE_SHIFT;

	if (!is_system_memory(pfn, count))
		return -EOPNOTSUPP;
	*address = dma_map_page_attrs(dev, pfn_to_page(pfn), 0, size, DMA_BIDIRECTIONAL,
				      DMA_ATTR_REQUIRE_COHERENT);
	if (dma_mapping_error(dev, *address))
		return -EOPNOTSUPP;
	/* As for guests of KVM (kvm_set_page_dirty()): reclaim must not lose what is written. */
	for (i = 0; write && i < count; i++)
		SetPageDirty(pfn_to_page(pfn + i));
	return 0;
}

/* Charges what the calling worker allocates to the memory cgroup of the process. */
struct mem_cgroup *accel_helper_mirror_charge(struct accel_mirror *mirror)
{
	return set_active_memcg(get_mem_cgroup_from_mm(mirror->notifier.mm));
}

void accel_helper_mirror_uncharge(struct mem_cgroup *before)
{
	mem_cgroup_put(set_active_memcg(before));
}

void accel_helper_mirror_unmap(struct device *dev, u64 address, size_t size)
{
	dma_unmap_page_attrs(dev, address, size, DMA_BIDIRECTIONAL, DMA_ATTR_REQUIRE_COHERENT);
}
#else
int accel_helper_mirror_insert(struct accel_mirror *mirror, unsigned long address, size_t size,
			       accel_mirror_invalidate_t invalidate, const void *cookie)
{
	return -EOPNOTSUPP;
}

void accel_helper_mirror_remove(struct accel_mirror *mirror)
{
}

void accel_helper_mirror_release(struct accel_mirror *mirror)
{
}

int accel_helper_mirror_find(struct accel_mirror *mirror, unsigned long *pfns, bool write,
			     unsigned long *seq)
{
	return -EOPNOTSUPP;
}

bool accel_helper_mirror_has_moved(struct accel_mirror *mirror, unsigned long seq)
{
	return true;
}

void accel_helper_mirror_moves(struct accel_mirror *mirror, unsigned long seq)
{
}

int accel_helper_mirror_map(struct device *dev, unsigned long pfn, size_t count, bool write,
			    u64 *address)
{
	return -EOPNOTSUPP;
}

struct mem_cgroup *accel_helper_mirror_charge(struct accel_mirror *mirror)
{
	return NULL;
}

void accel_helper_mirror_uncharge(struct mem_cgroup *before)
{
}

void accel_helper_mirror_unmap(struct device *dev, u64 address, size_t size)
{
}
#endif
EXPORT_SYMBOL_GPL(accel_helper_mirror_insert);
EXPORT_SYMBOL_GPL(accel_helper_mirror_remove);
EXPORT_SYMBOL_GPL(accel_helper_mirror_release);
EXPORT_SYMBOL_GPL(accel_helper_mirror_find);
EXPORT_SYMBOL_GPL(accel_helper_mirror_has_moved);
EXPORT_SYMBOL_GPL(accel_helper_mirror_moves);
EXPORT_SYMBOL_GPL(accel_helper_mirror_map);
EXPORT_SYMBOL_GPL(accel_helper_mirror_charge);
EXPORT_SYMBOL_GPL(accel_helper_mirror_uncharge);
EXPORT_SYMBOL_GPL(accel_helper_mirror_unmap);
