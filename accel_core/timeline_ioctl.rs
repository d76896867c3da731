// SPDX-License-Identifier: GPL-2.0

//! The commands of timelines that do not wait.

use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use kernel_ext::{
    dma_fence::Fence,
    sync_file::{
        self,
        PendingSyncFile, //
    }, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

use crate::{
    driver::Driver,
    file::File,
    ioctl::Commit,
    objects,
    timeline::Timeline,
    timeline_point::{
        Place,
        Reserved, //
    },
    timelines::Timelines,
    uapi::{
        accel_point,
        accel_timeline_close,
        accel_timeline_create,
        accel_timeline_export,
        accel_timeline_import,
        accel_timeline_query,
        accel_timeline_signal,
        accel_timeline_transfer,
        ACCEL_TIMELINE_MAX_POINTS, //
    },
};

/// Reads a list of points.
pub(crate) fn read_points(addr: u64, count: u32) -> Result<KVVec<accel_point>> {
    match count {
        0 => return Err(EINVAL),
        n if n > ACCEL_TIMELINE_MAX_POINTS => return Err(E2BIG),
        _ => (),
    }
    let mut points = KVVec::<accel_point>::new();
    points.resize(count as usize, FromZeros::new_zeroed(), GFP_KERNEL)?;
    let addr = usize::try_from(addr).map_err(|_| EFAULT)?;
    UserSlice::new(UserPtr::from_addr(addr), size_of_val(&*points))
        .reader()
        .read_slice(points.as_mut_bytes())?;
    Ok(points)
}

/// Returns the timeline of a point.
pub(crate) fn find(timelines: &Timelines, point: &accel_point) -> Result<Arc<Timeline>> {
    match point.flags {
        0 => timelines.get(point.handle),
        _ => Err(EOPNOTSUPP),
    }
}

/// Refuses a command that has flags.
fn check_flags(flags: u32) -> Result {
    (flags == 0).then_some(()).ok_or(EOPNOTSUPP)
}

/// ACCEL_IOCTL_TIMELINE_CREATE
pub(crate) fn create<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_timeline_create,
) -> Result<objects::Reserved<'f, Timeline>> {
    check_flags(args.flags)?;
    let timeline = Timeline::new(&file.client.device.timelines, args.value)?;
    let reserved = file.timelines.reserve(timeline)?;
    args.handle = reserved.handle();
    Ok(reserved)
}

/// ACCEL_IOCTL_TIMELINE_CLOSE
pub(crate) fn close<T: Driver>(file: &File<T>, args: &mut accel_timeline_close) -> Result {
    check_flags(args.flags)?;
    file.timelines.remove(args.handle)?.close();
    Ok(())
}

/// Points that the CPU brings about.
pub(crate) struct Signals(KVVec<Place>);

impl Commit for Signals {
    fn commit(self) {
        self.0.into_iter().for_each(Place::complete);
    }
}

/// ACCEL_IOCTL_TIMELINE_SIGNAL
pub(crate) fn signal<T: Driver>(
    file: &File<T>,
    args: &mut accel_timeline_signal,
) -> Result<Signals> {
    check_flags(args.flags)?;
    let points = read_points(args.points, args.nr_points)?;
    let mut places = KVVec::with_capacity(points.len(), GFP_KERNEL)?;
    for point in &points {
        let place = find(&file.timelines, point)?.reserve_place(point.value)?;
        places.push(place, GFP_KERNEL)?;
    }
    Ok(Signals(places))
}

/// ACCEL_IOCTL_TIMELINE_QUERY
pub(crate) fn query<T: Driver>(file: &File<T>, args: &mut accel_timeline_query) -> Result {
    check_flags(args.flags)?;
    let progress = file.timelines.get(args.handle)?.progress();
    args.value = progress.value;
    args.backed = progress.backed;
    args.last = progress.last;
    Ok(())
}

/// A point that a fence brings about.
pub(crate) struct Backing {
    reserved: Reserved,
    fence: ARef<Fence>,
}

impl Commit for Backing {
    fn commit(self) {
        self.reserved.back(&self.fence);
    }
}

/// ACCEL_IOCTL_TIMELINE_TRANSFER
pub(crate) fn transfer<T: Driver>(
    file: &File<T>,
    args: &mut accel_timeline_transfer,
) -> Result<Backing> {
    check_flags(args.flags)?;
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let source = find(&file.timelines, &args.source)?;
    let destination = find(&file.timelines, &args.destination)?;
    Ok(Backing {
        fence: source.fence(args.source.value)?,
        reserved: destination.reserve(args.destination.value)?,
    })
}

/// ACCEL_IOCTL_TIMELINE_IMPORT
pub(crate) fn import<T: Driver>(
    file: &File<T>,
    args: &mut accel_timeline_import,
) -> Result<Backing> {
    check_flags(args.flags)?;
    let timeline = find(&file.timelines, &args.point)?;
    Ok(Backing {
        fence: sync_file::fence(args.fd)?,
        reserved: timeline.reserve(args.point.value)?,
    })
}

/// A sync_file that is not there yet.
pub(crate) struct Export {
    file: PendingSyncFile,
    fence: ARef<Fence>,
}

impl Commit for Export {
    fn commit(self) {
        self.file.install(&self.fence);
    }
}

/// ACCEL_IOCTL_TIMELINE_EXPORT
pub(crate) fn export<T: Driver>(
    file: &File<T>,
    args: &mut accel_timeline_export,
) -> Result<Export> {
    check_flags(args.flags)?;
    let fence = find(&file.timelines, &args.point)?.fence(args.point.value)?;
    let file = PendingSyncFile::new()?;
    args.fd = i32::try_from(file.fd())?;
    Ok(Export { file, fence })
}
