// SPDX-License-Identifier: GPL-2.0

//! From probe to unbind: when the nodes, the interrupts and the driver's data come and go.

use kernel::{
    device::{
        self,
        Device as ParentDevice, //
    },
    prelude::*,
    rbtree::RBTree,
    str::CString,
    sync::Arc, //
};
use kernel_ext::{
    bound::{
        self,
        Cell, //
    },
    chrdev,
    dma,
    power::Domain, //
};

use crate::{
    abi,
    clients::ComputeMode,
    debugfs,
    device::{
        Bound,
        DataOf,
        Device, //
    },
    doorbell::{
        DoorbellInfo,
        Doorbells, //
    },
    driver::Driver,
    file::File,
    identity::Identity,
    job::{
        Fault,
        FaultKind, //
    },
    mmu::Mmu,
    monitor::Monitor,
    region::{
        Region,
        RegionInfo, //
    },
    scrub::Scrubber,
    submissions::Submissions,
    sysfs::Attributes,
    telemetry::{
        Hwmon,
        Panel,
        Telemetry, //
    },
    watch::Watch,
    worker::Worker, //
};

/// What of a device user space can see. Dropped in this order.
pub(crate) struct Nodes<T: Driver> {
    _debugfs: debugfs::Directory<T>,
    _hwmon: Option<Hwmon<T>>,
    pub(crate) compute: chrdev::Registration<File<T>>,
    _monitor: chrdev::Registration<Monitor<T>>,
}

/// Registers a device of driver `T` on `parent`; to be called in the probe of its bus.
///
/// Everything is undone when `parent` is unbound, or if the probe fails later, in this order: the
/// nodes vanish, running calls into the driver end, poll and waits for timelines wake,
/// [`Driver::stop`], all jobs end with ENODEV and waiters wake, DMA mappings and those of device
/// memory are undone, interrupts are freed, [`Driver::Data`] is
/// dropped. The result may be dropped at once.
pub fn register<T: Driver>(parent: &T::Parent) -> Result<Arc<Device<T>>> {
    abi::tie();
    const {
        if let Some(mmu) = &<T::Mmu as Mmu<T>>::INFO {
            mmu.check();
        }
    }
    if let Some(bits) = T::DMA_BITS {
        dma::set_mask(parent.as_ref(), bits)?;
    }
    let device = Device::<T>::new(parent.as_ref())?;
    bound::bind(device.clone(), parent)?;
    Ok(device)
}

// SAFETY: The cell is a field; `register` makes the device and binds it, and nobody else does.
#[allow(unsafe_code)]
unsafe impl<T: Driver> bound::Owner for Device<T> {
    type Parent = T::Parent;
    type Data = DataOf<T>;

    fn cell(&self) -> &Cell<DataOf<T>> {
        &self.cell
    }

    fn probe<'a>(this: &Arc<Self>, parent: &'a T::Parent) -> Result<Pin<KBox<Bound<'a, T>>>> {
        let mut workers = KVec::with_capacity(T::ENGINES.len(), GFP_KERNEL)?;
        for index in 0..T::ENGINES.len() {
            workers.push(Worker::new(this.clone(), index)?, GFP_KERNEL)?;
        }
        let scrubber = Scrubber::new(this.clone())?;
        let watch = Watch::new(this.clone())?;
        let place = KBox::<Bound<'a, T>>::new_uninit(GFP_KERNEL)?;
        // SAFETY: It becomes a part of the bound data, or is dropped here.
        #[allow(unsafe_code)]
        let domain = unsafe { Domain::new(parent.as_ref(), this) }?;
        let mut setup = T::probe(parent, this)?;
        let telemetry = core::mem::replace(&mut setup.telemetry, Telemetry::none());
        let regions = core::mem::take(&mut setup.regions);
        let regions = add_regions(this, parent.as_ref(), regions, &scrubber);
        let doorbells = regions.and_then(|()| add_doorbells(this, setup.doorbells.take()));
        let ready = doorbells.and_then(|()| {
            // SAFETY: They become a part of the bound data, or are dropped below.
            #[allow(unsafe_code)]
            unsafe {
                setup.lines.request(T::NAME, this)
            }
        });
        let panel = ready.and_then(|()| Panel::new(telemetry));
        let panel = panel.inspect_err(|_| {
            T::stop(&setup.data);
            close_regions(this);
        })?;
        // Nothing fails after this, so `stop` will be called.
        Ok(KBox::into_pin(KBox::write(
            place,
            Bound {
                identity: Identity::new::<T>(parent.as_ref(), &setup, this.index()),
                _domain: domain,
                lines: setup.lines,
                workers,
                scrubber,
                watch,
                panel,
                parent: parent.as_ref(),
                data: setup.data,
            },
        )))
    }

    fn bound(this: &Arc<Self>, parent: &T::Parent) -> Result {
        if this.enter()?.with(|bound| bound.identity.is_exclusive()) {
            this.clients.set_mode(ComputeMode::Exclusive)?;
        }
        let dev = parent.as_ref();
        let hwmon = this.enter()?.with(|bound| {
            let attributes = Attributes::new(&bound.panel.tables)?;
            this.attributes.populate(attributes);
            bound.panel.hwmon(dev, this)
        })?;
        let (index, parent): (u32, &ParentDevice) = (this.index(), &this.parent);
        let nodes = Nodes {
            _monitor: chrdev::Registration::new(&crate::MONITOR, c"monitor", index, parent, this)?,
            compute: chrdev::Registration::new(&crate::COMPUTE, c"accel", index, parent, this)?,
            _debugfs: debugfs::Directory::new(this)?,
            _hwmon: hwmon,
        };
        *this.nodes.lock() = Some(nodes);
        for region in this.regions() {
            region.kick();
        }
        this.enter()?.with(|bound| bound.watch.clone().arm());
        Ok(())
    }

    fn unbinding(&self) {
        // The last moment at which memory can be waited for: who reclaims it finds them suspended.
        if let Some(guard) = self.cell.enter() {
            guard.with(|bound| self.address_spaces.close(bound));
        }
        let nodes = self.nodes.lock().take();
        drop(nodes);
    }

    fn unbound(&self, bound: Pin<&Bound<'_, T>>) {
        self.health.gone();
        self.events.gone();
        self.power.gone();
        self.timelines.gone();
        T::stop(&bound.data);
        let gone = Fault::new(FaultKind::Gone);
        let queues = core::mem::replace(&mut *self.queues.lock(), RBTree::new());
        for submissions in queues.values() {
            Submissions::close(submissions, &bound, gone);
        }
        for scheduler in &self.schedulers {
            scheduler.close(gone);
        }
        for worker in &bound.workers {
            Worker::cancel(worker);
        }
        Scrubber::cancel(&bound.scrubber);
        Watch::cancel(&bound.watch);
        self.address_spaces.gone();
        self.memory.revoke();
        close_regions(self);
    }
}

/// Makes the regions of a device.
fn add_regions<T: Driver>(
    device: &Device<T>,
    parent: &ParentDevice<device::Bound>,
    infos: KVec<RegionInfo>,
    scrubber: &Arc<Scrubber<T>>,
) -> Result {
    if let Some(mmu) = T::Mmu::INFO {
        let tables = infos.get(mmu.tables).ok_or(EINVAL)?;
        tables.visible.as_ref().ok_or(EINVAL)?;
    }
    let mut regions = KVec::with_capacity(infos.len(), GFP_KERNEL)?;
    for info in infos {
        if !T::HAS_SCRUB && info.visible_size() < info.size {
            return Err(EINVAL);
        }
        let name = fmt!("accel/{}/{}", parent.name(), info.name);
        let name = CString::try_from_fmt(name)?;
        let region = Region::new(info, &name, scrubber.clone())?;
        regions.push(region, GFP_KERNEL)?;
    }
    device.regions.populate(regions);
    Ok(())
}

/// Makes the doorbells of a device.
fn add_doorbells<T: Driver>(device: &Device<T>, info: Option<DoorbellInfo>) -> Result {
    if let Some(info) = info {
        device.doorbells.populate(Doorbells::new(info)?);
    }
    Ok(())
}

/// Ends the use of the regions of a device, and undoes their mappings.
fn close_regions<T: Driver>(device: &Device<T>) {
    for region in device.regions() {
        region.close();
    }
}
