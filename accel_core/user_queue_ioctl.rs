// SPDX-License-Identifier: GPL-2.0

//! The commands of user queues.

use kernel::prelude::*;

use crate::{
    driver::Driver,
    events::Work,
    file::File,
    objects::Reserved,
    queue_events::{
        QueueEvents,
        Witness, //
    },
    queue_ioctl::{
        priority,
        read_payload, //
    },
    timeline::Driven,
    uapi::{
        self,
        accel_user_queue_create,
        accel_user_queue_destroy,
        accel_user_queue_query, //
    },
    user_queue::{
        UserQueue,
        UserQueueSetup,
        UserQueues, //
    },
};

/// Returns the right to the timeline that is to tell of the queue, if there is to be one.
fn drive<T: Driver>(file: &File<T>, handle: u32) -> Result<Option<Driven>> {
    match handle {
        0 => Ok(None),
        _ => Ok(Some(file.timelines.get(handle)?.drive()?)),
    }
}

/// ACCEL_IOCTL_USER_QUEUE_CREATE
pub(crate) fn create<'f, T: Driver>(
    file: &'f File<T>,
    args: &mut accel_user_queue_create,
) -> Result<Reserved<'f, UserQueue<T>>> {
    (args.handle, args.refused_reason, args.refused_at) = (0, 0, 0);
    let longest = T::UserQueues::MAX_PAYLOAD.ok_or(EOPNOTSUPP)?;
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    if args.reserved != 0 {
        return Err(EINVAL);
    }
    let priority = priority(args.priority)?;
    let engine = args.engine as usize;
    let context = match args.context {
        0 => return Err(EINVAL),
        handle => file.contexts.get(handle)?,
    };
    file.client.share.check_in(&context.life)?;
    let space = context.space.clone().ok_or(EINVAL)?;
    let doorbell = file.doorbells.get(args.doorbell)?;
    let payload = read_payload(args.payload, args.payload_size, longest)?;
    file.client.device.scheduler_of(engine).ok_or(EINVAL)?;
    let witness = Witness {
        events: file.client.device.events.clone(),
        alarm: file.client.share.alarm.clone(),
        conduct: file.client.share.conduct.clone(),
        failures: file.client.device.user_failures.clone(),
        work: Work {
            who: file.client.share.who(),
            context: context.life.id.get(),
            queue: uapi::ACCEL_EVENT_NONE,
        },
        engine,
    };
    let events = QueueEvents::new(drive(file, args.timeline)?, witness)?;
    let setup = UserQueueSetup {
        engine,
        priority,
        space: &space,
        doorbell: &doorbell,
        payload: &payload,
        user: file.client.share.who().user,
        events: &events,
    };
    let device = &file.client.device;
    let queue = device
        .enter_awake()?
        .with(|bound| UserQueue::new(&file.client.share, &context.life, bound, setup));
    let queue = queue.map_err(|refusal| {
        args.refused_reason = refusal.reason;
        args.refused_at = refusal.at;
        refusal.error
    })?;
    let reserved = file.user_queues.reserve(queue)?;
    args.handle = reserved.handle();
    Ok(reserved)
}

/// ACCEL_IOCTL_USER_QUEUE_DESTROY
pub(crate) fn destroy<T: Driver>(file: &File<T>, args: &mut accel_user_queue_destroy) -> Result {
    T::UserQueues::MAX_PAYLOAD.ok_or(EOPNOTSUPP)?;
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    file.user_queues.remove(args.handle)?.cancel();
    Ok(())
}

/// ACCEL_IOCTL_USER_QUEUE_QUERY
pub(crate) fn query<T: Driver>(file: &File<T>, args: &mut accel_user_queue_query) -> Result {
    T::UserQueues::MAX_PAYLOAD.ok_or(EOPNOTSUPP)?;
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let queue = file.user_queues.get(args.handle)?;
    let fault = queue.fault();
    args.state = match fault {
        None => uapi::ACCEL_USER_QUEUE_ACTIVE,
        Some(_) => uapi::ACCEL_USER_QUEUE_FAILED,
    };
    args.error = fault.map_or(0, |fault| fault.kind.error().to_errno().unsigned_abs());
    args.fault = fault.map_or(uapi::ACCEL_FAULT_NONE, |fault| fault.kind as u32);
    args.fault_address = fault.map_or(0, |fault| fault.address);
    args.suspensions = queue.suspensions();
    Ok(())
}
