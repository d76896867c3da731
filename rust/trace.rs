// SPDX-License-Identifier: GPL-2.0

//! The trace events of `accel_events.h`: what they tell is made when an event is on, and only then.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

#[cfg(CONFIG_TRACEPOINTS)]
use crate::{
    bindings as ext,
    static_key::is_enabled, //
};

pub use crate::bindings::{
    accel_trace_job as Job,
    accel_trace_reset as Reset, //
};

/// An event whose record `$record` makes; any context.
macro_rules! event {
    ($(#[$doc:meta])* $name:ident($type:ty), $tracepoint:ident, $emit:ident) => {
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(record: impl FnOnce() -> $type) {
            #[cfg(CONFIG_TRACEPOINTS)]
            {
                #[cold]
                #[inline(never)]
                fn emit(record: impl FnOnce() -> $type) {
                    let record = record();
                    // SAFETY: The record is valid during the call.
                    unsafe { ext::$emit(&record) };
                }

                // SAFETY: `accel_events.c` defines the tracepoint.
                if unsafe { is_enabled!(ext::$tracepoint, kernel::bindings::tracepoint, key) } {
                    emit(record);
                }
            }
            #[cfg(not(CONFIG_TRACEPOINTS))]
            drop(record);
        }
    };
}

event! {
    /// A job has its number.
    job_submit(Job), __tracepoint_accel_job_submit, rust_do_trace_accel_job_submit
}

event! {
    /// A job is put on an engine.
    job_run(Job), __tracepoint_accel_job_run, rust_do_trace_accel_job_run
}

event! {
    /// A job hangs: its time is over.
    job_timeout(Job), __tracepoint_accel_job_timeout, rust_do_trace_accel_job_timeout
}

event! {
    /// A job ends.
    job_done(Job), __tracepoint_accel_job_done, rust_do_trace_accel_job_done
}

event! {
    /// A reset has ended.
    reset(Reset), __tracepoint_accel_reset, rust_do_trace_accel_reset
}
