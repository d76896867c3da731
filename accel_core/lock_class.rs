// SPDX-License-Identifier: GPL-2.0

//! Lock classes of what generic code makes, or initialises in place (`impl PinInit`).
//!
//! lockdep tells classes apart by the addresses of key and name. In code that is compiled into the
//! drivers, names would be made again in each; here there is one of each.

use kernel::{
    prelude::*,
    static_lock_class,
    sync::LockClassKey, //
};

/// Name and key of a class.
pub(crate) type Class = (&'static CStr, Pin<&'static LockClassKey>);

macro_rules! classes {
    ($($class:ident = $name:literal;)*) => {$(
        #[inline(never)]
        pub(crate) fn $class() -> Class {
            ($name, static_lock_class!())
        }
    )*};
}

classes! {
    address_space = c"accel_address_space";
    address_spaces = c"accel_address_spaces";
    advance = c"accel_advance";
    all_address_spaces = c"accel_all_address_spaces";
    announce = c"accel_announce";
    arm = c"accel_arm";
    client_list = c"accel_client_list";
    clients = c"accel_clients";
    conduct = c"accel_conduct";
    contexts = c"accel_contexts";
    doorbells = c"accel_doorbells";
    dump = c"accel_dump";
    end = c"accel_end";
    error_limits = c"accel_error_limits";
    events = c"accel_events";
    events_arrived = c"accel_events_arrived";
    file_queues = c"accel_file_queues";
    free_doorbells = c"accel_free_doorbells";
    handles = c"accel_handles";
    health = c"accel_health";
    health_changed = c"accel_health_changed";
    isolate = c"accel_isolate";
    monitor = c"accel_monitor";
    mover = c"accel_mover";
    nodes = c"accel_nodes";
    power = c"accel_power";
    preemption = c"accel_preemption";
    prepared = c"accel_prepared";
    prepared_jobs = c"accel_prepared_jobs";
    queues = c"accel_queues";
    recover = c"accel_recover";
    recovery = c"accel_recovery";
    reap = c"accel_reap";
    reap_timer = c"accel_reap_timer";
    run = c"accel_run";
    scheduler = c"accel_scheduler";
    scrub = c"accel_scrub";
    served = c"accel_served";
    share = c"accel_share";
    submissions = c"accel_submissions";
    telemetry = c"accel_telemetry";
    throttle = c"accel_throttle";
    timelines = c"accel_timelines";
    timeout = c"accel_timeout";
    timeout_timer = c"accel_timeout_timer";
    waiting = c"accel_waiting";
    user_queues = c"accel_user_queues";
    watch = c"accel_watch";
    watch_timer = c"accel_watch_timer";
    woken = c"accel_woken";
}
