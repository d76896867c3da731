// SPDX-License-Identifier: GPL-2.0

//! Dumps: what a device did when a job hung, written down before it is stopped.
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
    T::HAS_DUMP.then(|| Dump::new(SIZE)).transpose()
}

/// What a driver writes, where a `{}` is.
struct Show<'a, 'b, T: Driver> {
    bound: &'a Bound<'b, T>,
    engine: usize,
    job: &'a Job<T>,
}

impl<T: Driver> fmt::Display for Show<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match T::HAS_DUMP {
            true => T::dump(&self.bound.data, self.engine, &self.job.payload, f),
            false => Ok(()),
        }
    }
}

impl<T: Driver> Device<T> {
    /// Writes down what the device does because of `job`, which hangs on `engine`.
    pub(crate) fn write_dump(
        &self,
        dump: &mut Dump,
        bound: &Bound<'_, T>,
        engine: usize,
        job: &Job<T>,
    ) {
        dump.clear();
        // What does not fit is cut off.
        let _ = self.write_head(dump, engine, job);
        let show = Show { bound, engine, job };
        let _ = dump.write_fmt(fmt!("{show}"));
        if IS_TAKEN {
            bound.watch.clone().give_dump();
        }
    }

    fn write_head(&self, dump: &mut Dump, engine: usize, job: &Job<T>) -> fmt::Result {
        let epoch = self.health.get().epoch;
        dump.write_fmt(fmt!(
            "accel coredump 1\ndriver {} device {}\ntime_ns {} epoch {epoch}\n",
            T::NAME,
            self.parent.name(),
            monotonic_ns()
        ))?;
        let culprit = job.queue.culprit();
        let number = job.armed.number();
        let (client, context) = (culprit.client, culprit.context);
        dump.write_fmt(fmt!("job {number} client {client} context {context}\n"))?;
        for (info, scheduler, index) in self.engines() {
            let stats = scheduler.stats(index);
            let mark = if index == engine { " hangs" } else { "" };
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
