// SPDX-License-Identifier: GPL-2.0

//! The clients of a device, each with what it has used.

use kernel::{
    prelude::*,
    rbtree::RBTree,
    sync::{
        Arc,
        Mutex, //
    },
};
use kernel_ext::time::monotonic_ns;

use crate::{
    answer::Answer,
    device::Device,
    driver::Driver,
    lock_class,
    owner::{
        Charged,
        Owner, //
    },
    share::Share,
    uapi::accel_info_client,
    viewer::Viewer, //
};

/// What is known of a client.
struct Entry<T: Driver> {
    share: Arc<Share<T>>,
    owner: Arc<Owner>,
    opened_ns: u64,
}

impl<T: Driver> Entry<T> {
    fn to_user(&self, viewer: &Viewer) -> accel_info_client {
        let (share, owner) = (&self.share, &self.owner);
        let (mut busy_ns, mut user_ns, mut jobs) = (0, 0, 0);
        for engine in 0..T::ENGINES.len() {
            let used = share.used(engine);
            busy_ns += used.ns;
            jobs += used.jobs;
            user_ns += share.user_times.get(engine);
        }
        accel_info_client {
            client: share.client(),
            name: owner.raw_name(),
            pid: viewer.number_of(owner.pid()),
            user: viewer.user(share.who().user),
            opened_ns: self.opened_ns,
            busy_ns,
            user_ns,
            jobs,
            failed: share.alarm.failures(),
            system: owner.charged(Charged::System),
            local: owner.charged(Charged::Local),
        }
    }
}

/// The clients that a device has, by their numbers.
#[pin_data]
pub(crate) struct ClientList<T: Driver> {
    #[pin]
    all: Mutex<RBTree<u64, Entry<T>>>,
}

impl<T: Driver> ClientList<T> {
    pub(crate) fn new() -> impl PinInit<Self> {
        let (name, key) = lock_class::client_list();
        pin_init!(Self {
            all <- Mutex::new(RBTree::new(), name, key),
        })
    }
}

/// A client is listed while it has this.
pub(crate) struct Listed<T: Driver>(Arc<Share<T>>);

impl<T: Driver> Listed<T> {
    /// Lists a client that opens the device. ENOMEM.
    pub(crate) fn new(share: &Arc<Share<T>>, owner: &Arc<Owner>) -> Result<Self> {
        let entry = Entry {
            share: share.clone(),
            owner: owner.clone(),
            opened_ns: monotonic_ns(),
        };
        let mut all = share.device().client_list.all.lock();
        all.try_create_and_insert(share.client(), entry, GFP_KERNEL_ACCOUNT)?;
        Ok(Self(share.clone()))
    }
}

impl<T: Driver> Drop for Listed<T> {
    fn drop(&mut self) {
        let client = self.0.client();
        let entry = self.0.device().client_list.all.lock().remove(&client);
        drop(entry);
    }
}

/// Answers ACCEL_INFO_CLIENT_LIST.
pub(crate) fn client_list<T: Driver>(
    device: &Device<T>,
    viewer: &Viewer,
    answer: &mut Answer,
) -> Result {
    device.charge_user_queues();
    let all = device.client_list.all.lock();
    for entry in all.values() {
        if viewer.sight.has(entry.share.who().user) {
            answer.push(&entry.to_user(viewer))?;
        }
    }
    Ok(())
}
