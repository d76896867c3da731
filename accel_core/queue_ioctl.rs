// SPDX-License-Identifier: GPL-2.0

//! The commands of queues.

use kernel::{
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use kernel_ext::task;

use crate::{
    driver::{
        Driver,
        QueueSetup, //
    },
    file::File,
    logic::schedule::Priority,
    objects::Reserved,
    open_queue::OpenQueue,
    uapi::{
        self,
        accel_queue_create,
        accel_queue_destroy, //
    },
};

/// Parses an `enum accel_priority`. EINVAL; EPERM: the process may not have that: more than others get
/// only those who may say so, as with `nice`.
pub(crate) fn priority(value: u32) -> Result<Priority> {
    match value {
        uapi::ACCEL_PRIORITY_NORMAL => Ok(Priority::Normal),
        uapi::ACCEL_PRIORITY_LOW => Ok(Priority::Low),
        uapi::ACCEL_PRIORITY_HIGH | uapi::ACCEL_PRIORITY_REALTIME
            if !task::is_capable_of_nice() =>
        {
            Err(EPERM)
        }
        uapi::ACCEL_PRIORITY_HIGH => Ok(Priority::High),
        uapi::ACCEL_PRIORITY_REALTIME => Ok(Priority::Realtime),
        _ => Err(EINVAL),
    }
}

/// Copies what a client has to say to the driver. E2BIG: more than `longest` bytes; EFAULT; ENOMEM.
pub(crate) fn read_payload(addr: u64, size: u32, longest: usize) -> Result<KVVec<u8>> {
    let size = size as usize;
    if size > longest {
        return Err(E2BIG);
    }
    let addr = usize::try_from(addr).map_err(|_| EFAULT)?;
    let mut payload = KVVec::new();
    UserSlice::new(UserPtr::from_addr(addr), size).read_all(&mut payload, GFP_KERNEL_ACCOUNT)?;
    Ok(payload)
}

/// ACCEL_IOCTL_QUEUE_CREATE
pub(crate) fn create<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_queue_create,
) -> Result<Reserved<'f, OpenQueue<T>>> {
    (args.handle, args.refused_reason, args.refused_at) = (0, 0, 0);
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let priority = priority(args.priority)?;
    let context = match args.context {
        0 => None,
        handle => Some(file.contexts.get(handle)?),
    };
    let space = context.as_ref().and_then(|context| context.space.as_ref());
    if space.is_some_and(|space| space.is_preemptible()) {
        return Err(EINVAL);
    }
    let life = context
        .as_ref()
        .map_or(&file.client.life, |context| &context.life);
    file.client.share.check_in(life)?;
    let payload = read_payload(args.payload, args.payload_size, T::MAX_QUEUE_PAYLOAD)?;
    let (client, engine) = (&file.client, args.engine as usize);
    let scheduler = client.device.scheduler_of(engine).ok_or(EINVAL)?;
    if args.timeout_ns > scheduler.timeout_ns(engine) {
        return Err(EINVAL);
    }
    let setup = QueueSetup {
        engines: scheduler.engines(),
        priority,
        space,
        payload: &payload,
        timeout_ns: args.timeout_ns,
        life,
    };
    let queue = client.device.enter_awake()?.with(|bound| {
        let (share, reservations) = (&client.share, &client.reservations);
        OpenQueue::new(bound, &file.driver, share, reservations, setup)
    });
    let queue = queue.map_err(|refusal| {
        args.refused_reason = refusal.reason;
        args.refused_at = refusal.at;
        refusal.error
    })?;
    let reserved = file.queues.reserve(queue)?;
    args.handle = reserved.handle();
    Ok(reserved)
}

/// ACCEL_IOCTL_QUEUE_DESTROY
pub(crate) fn destroy<T: Driver>(file: &File<T>, args: &mut accel_queue_destroy) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    drop(file.queues.remove(args.handle)?);
    Ok(())
}
