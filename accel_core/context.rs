// SPDX-License-Identifier: GPL-2.0

//! A context: what the queues in it have in common.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

use crate::{
    address_space::AddressSpace,
    driver::Driver,
    file::File,
    objects::Reserved,
    uapi::{
        accel_context_create,
        accel_context_destroy, //
    },
};

/// A name of a context or a client that none had before.
pub(crate) struct UniqueId(u64);

impl UniqueId {
    pub(crate) fn new() -> Self {
        static NEXT: Atomic<u64> = Atomic::new(1);
        Self(NEXT.fetch_add(1, Relaxed))
    }

    pub(crate) fn get(&self) -> u64 {
        self.0
    }
}

/// Whether a context may have jobs, as its queues know it.
pub(crate) struct Life {
    pub(crate) id: UniqueId,
    is_over: Atomic<bool>,
}

impl Life {
    pub(crate) fn new() -> Result<Arc<Self>> {
        let life = Self {
            id: UniqueId::new(),
            is_over: Atomic::new(false),
        };
        Ok(Arc::new(life, GFP_KERNEL_ACCOUNT)?)
    }

    /// Lets it have no more jobs.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Relaxed);
    }

    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }
}

/// A context.
pub(crate) struct Context<T: Driver> {
    /// Where its jobs work.
    pub(crate) space: Option<Arc<AddressSpace<T>>>,
    pub(crate) life: Arc<Life>,
}

/// ACCEL_IOCTL_CONTEXT_CREATE
pub(crate) fn create<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_context_create,
) -> Result<Reserved<'f, Context<T>>> {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    file.client.share.check()?;
    let space = match args.address_space {
        0 => None,
        handle => Some(file.address_spaces.get(handle)?),
    };
    let life = Life::new()?;
    let reserved = file.contexts.reserve(Context { space, life })?;
    args.handle = reserved.handle();
    args.reserved = 0;
    Ok(reserved)
}

/// ACCEL_IOCTL_CONTEXT_DESTROY
pub(crate) fn destroy<T: Driver>(file: &File<T>, args: &mut accel_context_destroy) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    drop(file.contexts.remove(args.handle)?);
    Ok(())
}
