// SPDX-License-Identifier: GPL-2.0
//! Why an access was not made (memory.rst, faults).

use crate::status::{Failure, Role, Status};

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An entry is not VALID.
    NotPresent = 1,
    /// The page lacks READ.
    NoRead = 2,
    /// The page lacks WRITE.
    NoWrite = 3,
    /// An entry is malformed.
    Malformed = 4,
    /// No virtual address.
    Address = 5,
    /// An entry could not be read.
    Table = 6,
    /// No physical address.
    Range = 7,
    /// System memory failed.
    Bus = 8,
    /// A peer failed.
    PeerBus = 9,
    /// The memory is poisoned.
    Poison = 10,
}

/// An access that was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Memory or the way to it.
    Access {
        /// What is wrong.
        kind: Kind,
        /// Level of the entry, 0 where there is none.
        level: u32,
        /// Virtual address, or location with ASID 0; bits 11:0 are zero but for kind ADDRESS.
        address: u64,
    },
    /// The packet was given up: nobody wants its result.
    Cancelled,
}

impl Fault {
    /// The status of a packet that made this access for `role`; `None` if it was given up.
    pub fn failure(self, role: Role) -> Option<Failure> {
        let Self::Access {
            kind,
            level,
            address,
        } = self
        else {
            return None;
        };
        let status = match kind {
            Kind::Range => Status::Range,
            Kind::Bus => Status::Bus,
            Kind::PeerBus => Status::PeerBus,
            Kind::Poison => Status::Poison,
            _ => Status::PageFault,
        };
        Some(Failure {
            status,
            detail: kind as u32 | level << 4 | (role as u32) << 8,
            address,
        })
    }
}
