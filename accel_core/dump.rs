// SPDX-License-Identifier: GPL-2.0

//! Dumps: what a device did when a job hung, or it was not well, written down before anything is done.
//!
//! There is room for one, so that recovery needs no memory. A work gives it to `devcoredump`, which keeps
//! one for each device until somebody has read it, or five minutes are over. Without
//! `CONFIG_DEV_COREDUMP` the last one is in debugfs.

use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*, //
};
use kernel_ext::{
    coredump::Dump,
    time::monotonic_ns, //
};

use crate::{
    device::{
        Bound,
        Device, //
    },
    driver::Driver,
    job::Job, //
};

/// Bytes of a dump at most.
const SIZE: usize = 64 << 10;

/// Whether somebody takes dumps.
const IS_TAKEN: bool = cfg!(CONFIG_DEV_COREDUMP);

/// Makes room for a dump, if the driver has something to say.
pub(crate) fn room<T: Driver>() -> Result<Option<Dump>> {
    (T::HAS_DUMP || T::HAS_DUMP_JOB)
        .then(|| Dump::new(SIZE))
        .transpose()
}

/// The job that hangs.
pub(crate) struct Hung<'a, T: Driver> {
    pub(crate) engine: usize,
    pub(crate) job: &'a Job<T>,
}

/// What a driver writes, where a `{}` is.
struct Show<'a, 'b, T: Driver> {
    bound: &'a Bound<'b, T>,
    hung: Option<Hung<'a, T>>,
}

impl<T: Driver> fmt::Display for Show<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = &self.bound.data;
        if T::HAS_DUMP {
            T::dump(data, f)?;
        }
        match &self.hung {
            Some(hung) if T::HAS_DUMP_JOB => T::dump_job(data, hung.engine, &hung.job.payload, f),
            _ => Ok(()),
        }
    }
}

impl<T: Driver> Device<T> {
    /// Writes down what the device does, which is not well, or has a job that hangs.
    pub(crate) fn write_dump(
        &self,
        dump: &mut Dump,
        bound: &Bound<'_, T>,
        hung: Option<Hung<'_, T>>,
    ) {
        dump.clear();
        // What does not fit is cut off.
        let _ = self.write_head(dump, hung.as_ref());
        let show = Show { bound, hung };
        let _ = dump.write_fmt(fmt!("{show}"));
        if IS_TAKEN {
            bound.watch.clone().give_dump();
        }
    }

    fn write_head(&self, dump: &mut Dump, hung: Option<&Hung<'_, T>>) -> fmt::Result {
        let epoch = self.health.get().epoch;
        dump.write_fmt(fmt!(
            "accel coredump 1\ndriver {} device {}\ntime_ns {} epoch {epoch}\n",
            T::NAME,
            self.parent.name(),
            monotonic_ns()
        ))?;
        if let Some(Hung { job, .. }) = hung {
            let culprit = job.queue.culprit();
            let number = job.armed.number();
            let (client, context) = (culprit.client, culprit.context);
            dump.write_fmt(fmt!("job {number} client {client} context {context}\n"))?;
        }
        for (info, scheduler, index) in self.engines() {
            let stats = scheduler.stats(index);
            let hangs = hung.is_some_and(|hung| hung.engine == index);
            let mark = if hangs { " hangs" } else { "" };
            let (name, queued, completed) = (info.name, stats.queued, stats.completed);
            let failed = stats.failed;
            dump.write_fmt(fmt!(
                "engine {name} queued {queued} completed {completed} failed {failed}{mark}\n"
            ))?;
        }
        Ok(())
    }

    /// Gives the dump to user space, and makes room for another one.
    pub(crate) fn give_dump(&self) {
        // If there is no memory, it is overwritten by the next one.
        let Ok(Some(room)) = room::<T>() else { return };
        let dump = self.recovery.lock().dump.replace(room);
        if let Some(dump) = dump.filter(|dump| !dump.is_empty()) {
            dump.publish(&self.parent);
        }
    }
}
