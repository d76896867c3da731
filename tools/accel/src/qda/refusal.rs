// SPDX-License-Identifier: GPL-2.0
//! Why the driver refused a job, in words.

use std::fmt;

use crate::error::Error;
use crate::info::numbers;

numbers! {
    /// What is wrong with a payload: `enum accel_qda_refusal`.
    Wrong {
        /// It has no packet, a part of one, or too many.
        Size = ACCEL_QDA_REFUSED_SIZE, "no packet, a part of one, or too many";
        /// The queue is of a context without address space.
        Space = ACCEL_QDA_REFUSED_SPACE, "the queue has no address space";
        /// A packet has flags, which are the kernel's.
        Flags = ACCEL_QDA_REFUSED_FLAGS, "it has flags, which are the kernel's";
        /// A field of a user queue's payload is out of range.
        Field = ACCEL_QDA_REFUSED_FIELD, "a field of the queue is out of range";
    }
}

/// Why a job or a user queue was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub wrong: Wrong,
    /// Bytes of the payload for [`Wrong::Size`], index of the packet for [`Wrong::Flags`], offset for
    /// [`Wrong::Field`].
    pub at: u32,
}

impl Refusal {
    /// The refusal in an error of [`Submit::submit`](crate::Submit::submit) or
    /// [`Workspace::ring`](super::Workspace::ring) on a QDA card.
    pub fn of(error: &Error) -> Option<Self> {
        match *error {
            Error::Refused { reason, at, .. } => Some(Refusal {
                wrong: reason.into(),
                at,
            }),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { wrong, at } = self;
        match wrong {
            Wrong::Size => write!(f, "payload of {at} bytes: {wrong}"),
            Wrong::Space => write!(f, "{wrong}"),
            Wrong::Field => write!(f, "offset {at:#x}: {wrong}"),
            _ => write!(f, "packet {at}: {wrong}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use accel_uapi as uapi;

    use super::*;
    use crate::error::Cause;

    fn text(reason: u32, at: u32) -> String {
        let error = Error::Refused {
            cause: Cause::Invalid,
            reason,
            at,
        };
        Refusal::of(&error).expect("a refusal").to_string()
    }

    #[test]
    fn refusals_say_where_and_what() {
        assert_eq!(
            text(uapi::ACCEL_QDA_REFUSED_SIZE, 7),
            "payload of 7 bytes: no packet, a part of one, or too many"
        );
        assert_eq!(
            text(uapi::ACCEL_QDA_REFUSED_SPACE, 0),
            "the queue has no address space"
        );
        assert_eq!(
            text(uapi::ACCEL_QDA_REFUSED_FLAGS, 2),
            "packet 2: it has flags, which are the kernel's"
        );
        assert_eq!(
            text(uapi::ACCEL_QDA_REFUSED_FIELD, 0x1c),
            "offset 0x1c: a field of the queue is out of range"
        );
        assert_eq!(Refusal::of(&Error::ForeignBuffer), None);
    }
}
