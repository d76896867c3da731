// SPDX-License-Identifier: GPL-2.0

//! What a client may have at a time.

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Jobs that have not ended.
    Jobs,
    /// Queues.
    Queues,
    /// Contexts, each with an address space of its own.
    Contexts,
}

/// How much of each a client may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) jobs: u32,
    pub(crate) queues: u32,
    pub(crate) contexts: u32,
}

impl Limits {
    /// Those of a client that nobody has given others.
    pub(crate) const DEFAULT: Self = Self {
        jobs: 4096,
        queues: 256,
        contexts: 64,
    };

    fn of(&self, resource: Resource) -> u32 {
        match resource {
            Resource::Jobs => self.jobs,
            Resource::Queues => self.queues,
            Resource::Contexts => self.contexts,
        }
    }
}

/// The client has as much as it may have (EDQUOT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) resource: Resource,
    pub(crate) limit: u32,
}

/// What a client was allowed to have: to be given back to the same client, or it is lost.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Taken {
    resource: Resource,
    count: u32,
}

impl Taken {
    /// Splits `count` off, to be given back on their own; `None` if there are not so many.
    pub(crate) fn split(&mut self, count: u32) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self {
            resource: self.resource,
            count,
        })
    }
}

/// What a client has.
pub(crate) struct Quota {
    limits: Limits,
    used: [u32; 3],
}

impl Quota {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            used: [0; 3],
        }
    }

    /// Changes the limits. What the client has beyond them it keeps.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Returns how much the client has.
    pub(crate) fn used(&self, resource: Resource) -> u32 {
        self.used[resource as usize]
    }

    /// Takes `count`, all or none.
    pub(crate) fn take(&mut self, resource: Resource, count: u32) -> Result<Taken, Exceeded> {
        let limit = self.limits.of(resource);
        let used = self.used(resource).checked_add(count);
        let used = used.filter(|used| *used <= limit || count == 0);
        let used = used.ok_or(Exceeded { resource, limit })?;
        self.used[resource as usize] = used;
        Ok(Taken { resource, count })
    }

    /// Takes something back.
    pub(crate) fn give(&mut self, taken: Taken) {
        let used = &mut self.used[taken.resource as usize];
        *used = used.saturating_sub(taken.count);
    }
}
