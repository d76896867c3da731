// SPDX-License-Identifier: GPL-2.0

//! Sleep of a card, which keeps all that it knows (Documentation/devices/qda/reset.rst, Power states).

use kernel::{
    io::{
        poll::read_poll_timeout,
        Io, //
    },
    prelude::*,
    sync::Arc,
    time::Delta, //
};

use crate::{
    card::{
        kernel_queues,
        limit_ms,
        Card, //
    },
    mailbox::Request,
    queue::Queue,
    regs,
    ENGINE_KINDS, //
};

/// How long firmware may take to fall asleep, and to wake up, milliseconds.
const SLEEP_MS: u32 = 100;

impl Card<'_> {
    /// Puts a card to sleep whose user queues are suspended and whose other queues are idle. EIO, EAGAIN,
    /// EBUSY, ETIMEDOUT: it stays awake.
    pub(crate) fn fall_asleep(&self) -> Result {
        let result = self.suspend_queues().and_then(|()| {
            self.call(&Request::Sleep)?;
            self.wait_for_firmware(regs::FW_SLEEPING)
        });
        result.inspect_err(|_| self.resume_queues())
    }

    /// Wakes it. EIO: it does not wake up.
    pub(crate) fn wake_up(&self) -> Result {
        self.bar().write_reg(regs::FW_CONTROL::from(regs::FW_WAKE));
        self.wait_for_firmware(regs::FW_RUNNING)?;
        self.firmware().forget_heartbeat();
        self.resume_queues();
        self.catch_up();
        Ok(())
    }

    fn wait_for_firmware(&self, state: u32) -> Result {
        read_poll_timeout(
            || Ok(self.bar().read(regs::FW_STATE).into_raw()),
            |now| *now == state,
            Delta::from_micros(200),
            limit_ms(SLEEP_MS),
        )
        .map(|_| ())
        .map_err(|_| EIO)
    }

    fn own_queues(&self) -> impl Iterator<Item = Arc<Queue>> + '_ {
        (0..kernel_queues(self.capabilities())).filter_map(|id| self.find_queue(id))
    }

    fn suspend_queues(&self) -> Result {
        // Together: the time for one is the time for all.
        self.own_queues().for_each(|q| self.start_suspend(q.id()));
        self.own_queues().try_for_each(|q| self.suspend(q.id()))
    }

    fn resume_queues(&self) {
        self.own_queues().for_each(|queue| self.resume(queue.id()));
    }

    /// Does what interrupts would have been for that nobody handled.
    fn catch_up(&self) {
        for ring in 0..regs::RINGS {
            self.drain(ring);
        }
        for engine in 0..ENGINE_KINDS.len() {
            self.attend(engine);
        }
    }
}
