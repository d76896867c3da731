// SPDX-License-Identifier: GPL-2.0

//! Prepared jobs: checked once, and submitted again and again, with other buffers.
//!
//! What such a job is made of is lent to each submission and comes back when the job has ended, so
//! nothing of it is allocated again. Who has the loan has the job for itself: it is there twice never.
//! They belong to their queue: when that is closed, as it is when the device goes, they are let go of,
//! or as soon as they come back.

use core::mem::{
    replace,
    take, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
    uaccess::UserSlice,
};
use kernel_ext::dma_resv_many::ClaimRoom;
use zerocopy::FromBytes;

use crate::{
    driver::Driver,
    handles::Handles,
    job::{
        Access,
        Body,
        JobBuffer, //
    },
    lock_class,
    queue::Queue,
    table::Table,
    uapi::{
        accel_job_replace,
        accel_job_status,
        ACCEL_JOB_DONE,
        ACCEL_QUEUE_PREPARED_MAX, //
    },
    Buffer,
    Placement, //
};

/// What a buffer was that the driver has checked: one that takes its place must do what it did.
struct Shape {
    size: usize,
    access: Access,
    kind: (Placement, Option<&'static CStr>),
}

/// Returns where a buffer is.
fn kind(buffer: &Buffer) -> (Placement, Option<&'static CStr>) {
    let region = buffer.device_memory().map(|memory| memory.region_name());
    (buffer.placement(), region)
}

impl Shape {
    fn new(named: &JobBuffer) -> Self {
        Self {
            size: named.buffer.size(),
            access: named.access,
            kind: kind(&named.buffer),
        }
    }

    /// Checks that `buffer` can take the place. EINVAL: it is smaller, or elsewhere; EACCES: it is
    /// read-only; EOPNOTSUPP: the device does not reach it.
    fn check<T: Driver>(&self, buffer: &Buffer) -> Result {
        if buffer.size() < self.size || kind(buffer) != self.kind {
            return Err(EINVAL);
        }
        if self.access.can_write() && !buffer.is_writable() {
            return Err(EACCES);
        }
        buffer.check_reach::<T>()
    }
}

/// Lists that a submission needs, with room for all buffers.
struct Room {
    /// What user space said.
    bytes: KVVec<u8>,
    /// Buffers, and the places that they take; once they did, those that they have replaced.
    buffers: KVVec<(usize, Arc<Buffer>)>,
    claims: ClaimRoom,
}

/// What is there to be lent.
struct State<T: Driver> {
    /// Not while a job of it is unfinished.
    body: Option<Body<T>>,
    /// Not while somebody submits it.
    room: Option<Room>,
    is_released: bool,
}

/// Nothing in it is pinned.
impl<T: Driver> Unpin for State<T> {}

/// A prepared job.
#[pin_data]
pub(crate) struct Prepared<T: Driver> {
    shapes: KVVec<Shape>,
    is_public: Atomic<bool>,
    /// That of its last job.
    number: Atomic<u64>,
    #[pin]
    state: Mutex<State<T>>,
}

impl<T: Driver> Prepared<T> {
    /// Makes one of what the driver has made. ENOMEM.
    pub(crate) fn new(payload: T::Job, buffers: KVVec<JobBuffer>) -> Result<Arc<Self>> {
        let count = buffers.len();
        let mut shapes = KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?;
        for named in &buffers {
            shapes.push(Shape::new(named), GFP_KERNEL_ACCOUNT)?;
        }
        let bytes = count * size_of::<accel_job_replace>();
        let room = Room {
            bytes: KVVec::with_capacity(bytes, GFP_KERNEL_ACCOUNT)?,
            buffers: KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT)?,
            claims: ClaimRoom::default(),
        };
        let state = State {
            body: Some(Body::new(payload, buffers)?),
            room: Some(room),
            is_released: false,
        };
        let class = lock_class::prepared();
        Arc::pin_init(
            pin_init!(Self {
                shapes,
                is_public: Atomic::new(false),
                number: Atomic::new(0),
                state <- Mutex::new(state, class.0, class.1),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Lends it to a submission. May sleep; the device must not be held bound. EBUSY: it was lent, and
    /// its job has not ended; ENOENT: it was released.
    #[inline]
    pub(crate) fn lend(this: &Arc<Self>, queue: &Queue<T>) -> Result<Loan<T>> {
        match Self::try_lend(this)? {
            Some(loan) => Ok(loan),
            None => Self::lend_later(this, queue),
        }
    }

    /// Waits as long as it is on the way back, which takes a moment.
    #[cold]
    fn lend_later(this: &Arc<Self>, queue: &Queue<T>) -> Result<Loan<T>> {
        let mut loan = None;
        queue.poll(|| {
            let number = this.number.load(Relaxed);
            let is_unfinished = |status: accel_job_status| status.state != ACCEL_JOB_DONE;
            let is_out = queue.statuses().wait(number, 0).is_ok_and(is_unfinished);
            queue.reap();
            loan = Self::try_lend(this).transpose();
            is_out || loan.is_some()
        });
        loan.unwrap_or(Err(EBUSY))
    }

    fn try_lend(this: &Arc<Self>) -> Result<Option<Loan<T>>> {
        let mut state = this.state.lock();
        if state.is_released {
            return Err(ENOENT);
        }
        if state.body.is_none() {
            return Ok(None);
        }
        let room = state.room.take();
        drop(state);
        Ok(room.map(|room| Loan {
            home: this.clone(),
            room,
        }))
    }

    /// A job was made of it.
    pub(crate) fn set_number(&self, number: u64) {
        self.number.store(number, Relaxed);
    }

    /// Takes back what a job was made of, which has ended or never was one. May sleep.
    pub(crate) fn take_back(&self, body: Body<T>) {
        let mut state = self.state.lock();
        let dropped = match state.is_released {
            true => Some(body),
            false => state.body.replace(body),
        };
        drop(state);
        drop(dropped);
    }

    /// Nobody submits it any more. May sleep; the device must be held bound.
    fn release(&self) {
        let mut state = self.state.lock();
        state.is_released = true;
        let body = state.body.take();
        drop(state);
        drop(body);
    }
}

/// A prepared job that is being submitted, or kept until it can be armed.
pub(crate) struct Loan<T: Driver> {
    home: Arc<Prepared<T>>,
    room: Room,
}

impl<T: Driver> Loan<T> {
    /// Returns where it comes from.
    pub(crate) fn home(&self) -> &Arc<Prepared<T>> {
        &self.home
    }

    pub(crate) fn claims(&mut self) -> &mut ClaimRoom {
        &mut self.room.claims
    }

    /// Reads which of its buffers are to be replaced, `count` of them, and looks the others up.
    ///
    /// EINVAL: there is no such place, or the buffer does not fit there; ENOENT: no such buffer; EACCES;
    /// EOPNOTSUPP; EFAULT.
    pub(crate) fn read(&mut self, list: UserSlice, count: usize, handles: &Handles) -> Result {
        if count > self.home.shapes.len() {
            return Err(EINVAL);
        }
        let Room { bytes, buffers, .. } = &mut self.room;
        bytes.clear();
        list.read_all(bytes, GFP_KERNEL_ACCOUNT)?;
        for named in <[accel_job_replace]>::ref_from_bytes(bytes).map_err(|_| EINVAL)? {
            let at = named.buffer as usize;
            let shape = self.home.shapes.get(at).ok_or(EINVAL)?;
            let buffer = handles.get(named.handle)?;
            shape.check::<T>(&buffer)?;
            // Never more than there is room for.
            let _ = buffers.push_within_capacity((at, buffer));
        }
        Ok(())
    }

    /// Takes what the job is made of, with the buffers that were read. ENOENT: it was released.
    pub(crate) fn take_body(&mut self) -> Result<Body<T>> {
        let mut body = self.home.state.lock().body.take().ok_or(ENOENT)?;
        let named = body.parts().1;
        for (at, buffer) in &mut self.room.buffers {
            if let Some(named) = named.get_mut(*at) {
                core::mem::swap(&mut named.buffer, buffer);
            }
        }
        Ok(body)
    }

    /// There is no job: gives back what it would have been made of, with the buffers that it had.
    pub(crate) fn undo(mut self, mut body: Body<T>) {
        let named = body.parts().1;
        // A place may have been named twice.
        for (at, buffer) in self.room.buffers.iter_mut().rev() {
            if let Some(named) = named.get_mut(*at) {
                core::mem::swap(&mut named.buffer, buffer);
            }
        }
        self.home.take_back(body);
    }
}

/// Gives the lists back. May sleep, as buffers are let go of.
impl<T: Driver> Drop for Loan<T> {
    fn drop(&mut self) {
        self.room.buffers.clear();
        let room = Room {
            bytes: take(&mut self.room.bytes),
            buffers: take(&mut self.room.buffers),
            claims: take(&mut self.room.claims),
        };
        self.home.state.lock().room = Some(room);
    }
}

/// The prepared jobs of a queue, by their handles.
#[pin_data]
pub(crate) struct PreparedJobs<T: Driver> {
    #[pin]
    table: Mutex<Table<Arc<Prepared<T>>>>,
}

impl<T: Driver> PreparedJobs<T> {
    pub(crate) fn new() -> impl PinInit<Self> {
        let class = lock_class::prepared_jobs();
        pin_init!(Self {
            table <- Mutex::new(Table::new(), class.0, class.1),
        })
    }

    /// Adds one, which nobody finds until it is published. EDQUOT: there are too many; ENOMEM.
    pub(crate) fn add(&self, prepared: Arc<Prepared<T>>) -> Result<u32> {
        let mut table = self.table.lock();
        let handle = table.reserve(ACCEL_QUEUE_PREPARED_MAX)?;
        table.publish(handle, prepared);
        Ok(handle)
    }

    /// Lets everybody find it, if it is still there.
    pub(crate) fn publish(&self, handle: u32) {
        if let Some(prepared) = self.table.lock().get(handle) {
            prepared.is_public.store(true, Relaxed);
        }
    }

    /// Returns one; ENOENT if there is none.
    pub(crate) fn get(&self, handle: u32) -> Result<Arc<Prepared<T>>> {
        let table = self.table.lock();
        let found = table.get(handle).filter(|p| p.is_public.load(Relaxed));
        found.cloned().ok_or(ENOENT)
    }

    /// Takes one out; the device must be held bound. ENOENT if there is none, or `is_public` is not so.
    pub(crate) fn remove(&self, handle: u32, is_public: bool) -> Result {
        let mut table = self.table.lock();
        let found = table.get(handle).ok_or(ENOENT)?;
        if found.is_public.load(Relaxed) != is_public {
            return Err(ENOENT);
        }
        let prepared = table.remove(handle).ok_or(ENOENT)?;
        drop(table);
        prepared.release();
        Ok(())
    }

    /// Lets go of all, for good; the device must be held bound. Nobody may add any more.
    pub(crate) fn close(&self) {
        let table = replace(&mut *self.table.lock(), Table::new());
        for (_, prepared) in table.iter() {
            prepared.release();
        }
    }
}
