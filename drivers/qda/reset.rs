// SPDX-License-Identifier: GPL-2.0

//! Reset of the whole card, which contexts and queues outlive (Documentation/devices/qda/reset.rst).

use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};
use kernel_ext::pci::set_master;

use crate::{
    card::{
        kernel_queues,
        Card, //
    },
    firmware,
    mailbox::Request, //
};

impl Card<'_> {
    /// Keeps the card from all memory of others, until it is reset, which is to come next.
    pub(crate) fn cut_off(&self) {
        dev_err!(self.dev, "does not stop, and is cut off from memory\n");
        set_master(self.dev, false);
        self.state.is_cut_off.store(true, Relaxed);
        self.set_stuck();
    }

    /// Returns whether it reaches no memory until it is reset.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.state.is_cut_off.load(Relaxed)
    }

    /// Resets the card, and gives it back the contexts and queues that it had. Its memory outlives
    /// that, with the page tables. EIO: it does not come back.
    pub(crate) fn reset(&self) -> Result {
        let state = &self.state;
        let (_setup, _invalidation) = (state.setup.lock(), state.invalidation.lock());
        dev_warn!(self.dev, "is reset\n");
        state.mailbox.close();
        firmware::reset_device(self.bar())?;
        // If it was cut off. Whoever does that from now on finds it well, but not for long.
        state.is_stuck.store(false, Relaxed);
        state.is_cut_off.store(false, Relaxed);
        set_master(self.dev, true);
        state.resets.fetch_add(1, Relaxed);
        // Who scrubs has noticed that.
        let _scrubber = state.scrubber.lock();
        self.engines().forget();
        self.boot()?;
        self.restore()?;
        state.mailbox.renew();
        Ok(())
    }

    /// Tells firmware again of all contexts and queues that are in use.
    fn restore(&self) -> Result {
        let call = |request: &Request| self.state.mailbox.call_alone(self.bar(), request);
        while let Some(asid) = self.next_stale_context(0) {
            self.state.contexts.lock().give_back(asid);
        }
        while let Some(queue) = self.next_stale_queue(0) {
            self.state.queues.lock().ids.give_back(queue);
        }
        // What clients wrote to theirs, and had done, nobody knows.
        self.user_queues().lose();
        let mut next = 0;
        while let Some((asid, root)) = self.next_context(next) {
            call(&Request::ContextCreate { asid, root })?;
            next = usize::from(asid) + 1;
        }
        for id in 0..kernel_queues(self.capabilities()) {
            if let Some(queue) = self.find_queue(id) {
                queue.restart()?;
                call(&Request::QueueCreate(queue.request()?))?;
            }
        }
        Ok(())
    }

    fn next_context(&self, start: usize) -> Option<(u16, u64)> {
        self.state.contexts.lock().next(start)
    }
}
