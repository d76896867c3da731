// SPDX-License-Identifier: GPL-2.0

//! ACCEL_FAKE_IOCTL_HOLD: the one who keeps others from a shared buffer.

use kernel::{
    new_condvar,
    new_mutex,
    prelude::*, //
};
use kernel_ext::dma_buf::DmaBuf;

use crate::{
    uapi::accel_fake_hold,
    Fake, //
};

/// Keeps the reservation object of a dma-buf locked until a signal arrives.
pub(crate) fn hold(_fake: &Fake, _file: &(), args: &mut accel_fake_hold) -> Result {
    if args.flags != 0 {
        return Err(EOPNOTSUPP);
    }
    let buf = DmaBuf::from_fd(args.fd)?;
    let mutex = KBox::pin_init(new_mutex!((), "fake_hold"), GFP_KERNEL)?;
    let never = KBox::pin_init(new_condvar!("fake_hold_never"), GFP_KERNEL)?;
    let _held = buf.resv().lock()?;
    let mut nothing = mutex.lock();
    while !never.wait_interruptible(&mut nothing) {}
    Err(EINTR)
}
