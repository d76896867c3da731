// SPDX-License-Identifier: GPL-2.0
//! Ask a device who and how it is: the INFO ioctl, typed.
//!
//! A kind of answer is a type: `let status: info::Status = monitor.info()?`. Kinds of a driver
//! implement [`Kind`] for a type of their own. Answers of older kernels are shorter, their missing
//! fields are 0; what newer kernels append is skipped.

mod client;
mod errors;
mod firmware;
mod kinds;
mod link;
mod raw;
mod rows;
mod sensor;
mod sleep;
mod throttle;

use std::os::fd::AsFd;

use rustix::io::Errno;
use zerocopy::FromBytes;
use zerocopy::FromZeros;
use zerocopy::IntoBytes;

pub use client::*;
pub use errors::*;
pub use firmware::*;
pub use kinds::*;
pub use link::*;
pub(crate) use raw::numbers;
pub(crate) use raw::time;
pub use rows::*;
pub use sensor::*;
pub use sleep::*;
pub use throttle::*;

use crate::error::Error;
use crate::error::Result;
use crate::sys;

/// Longest answer that is believed, bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A type that is the answer to one kind, or one element of it.
pub trait Kind: From<Self::Raw> {
    /// Id of the kind.
    const ID: u32;

    /// The struct of the kernel's interface.
    type Raw: FromBytes + IntoBytes;
}

/// A kind whose answer is one struct.
pub trait Single: Kind {}

/// A kind whose answer is an array.
pub trait Array: Kind {}

/// An answer as the kernel gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Version of the kind.
    pub version: u32,
    /// Bytes of one element; all of [`bytes`](Self::bytes) unless an array.
    pub element_size: u32,
    /// The answer.
    pub bytes: Vec<u8>,
}

/// Something that can be asked.
///
/// All methods fail with [`Error::Call`]: `Unsupported` if this node does not know the kind;
/// `Resetting` if the kind needs an operational device; `Privilege` if whoever opened the node may
/// not ask; `Gone`; or with [`Error::BadAnswer`].
pub trait Info: AsFd {
    /// Ask for one struct.
    fn info<K: Single>(&self) -> Result<K> {
        let mut raw = K::Raw::new_zeroed();
        let answer = sys::info(self, K::ID, raw.as_mut_bytes()).map_err(failed)?;
        if answer.size == 0 {
            return Err(Error::BadAnswer("an empty answer"));
        }
        Ok(raw.into())
    }

    /// Ask for an array.
    fn list<K: Array>(&self) -> Result<Vec<K>> {
        let answer = self.raw_info(K::ID)?;
        Ok(
            elements::<K::Raw>(&answer.bytes, answer.element_size as usize)?
                .map(K::from)
                .collect(),
        )
    }

    /// Ask for a kind by its id, for those that have no type here.
    fn raw_info(&self, kind: u32) -> Result<Answer> {
        let ask = |data: &mut [u8]| sys::info(self, kind, data);
        raw_info(ask)
    }
}

fn failed(errno: Errno) -> Error {
    Error::in_call("ask about the device")(errno)
}

/// Ask how long the answer is, then for the answer; again if it grew meanwhile.
fn raw_info<A>(ask: A) -> Result<Answer>
where
    A: Fn(&mut [u8]) -> std::result::Result<accel_uapi::accel_info, Errno>,
{
    let mut bytes = Vec::new();
    loop {
        let answer = ask(&mut bytes).map_err(failed)?;
        let size = answer.size as usize;
        if size <= bytes.len() {
            bytes.truncate(size);
            return Ok(Answer {
                version: answer.version,
                element_size: answer.element_size,
                bytes,
            });
        }
        if size > MAX_ANSWER {
            return Err(Error::BadAnswer("too long an answer"));
        }
        // Larger each time round, so that this ends.
        bytes = vec![0; size];
    }
}

/// The elements of an array whose elements have `size` bytes at the kernel's.
fn elements<R: FromBytes + IntoBytes>(
    bytes: &[u8],
    size: usize,
) -> Result<impl Iterator<Item = R>> {
    if !bytes.is_empty() && (size == 0 || bytes.len() % size != 0) {
        return Err(Error::BadAnswer("a part of an element"));
    }
    Ok(bytes.chunks_exact(size.max(1)).map(|element| {
        let mut raw = R::new_zeroed();
        let common = element.len().min(size_of::<R>());
        raw.as_mut_bytes()[..common].copy_from_slice(&element[..common]);
        raw
    }))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use accel_uapi::accel_info;
    use zerocopy::Immutable;
    use zerocopy::KnownLayout;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C)]
    struct Two {
        first: u32,
        second: u32,
    }

    fn twos(bytes: &[u8], size: usize) -> Result<Vec<Two>> {
        Ok(elements(bytes, size)?.collect())
    }

    #[test]
    fn elements_of_this_kernel() {
        let two = |first, second| Two { first, second };
        let bytes = [two(1, 2), two(3, 4)];
        assert_eq!(twos(bytes.as_bytes(), 8).unwrap(), bytes);
    }

    #[test]
    fn elements_of_a_newer_kernel_are_cut() {
        let words: [u32; 6] = [1, 2, 99, 3, 4, 99];
        let expected = [
            Two {
                first: 1,
                second: 2,
            },
            Two {
                first: 3,
                second: 4,
            },
        ];
        assert_eq!(twos(words.as_bytes(), 12).unwrap(), expected);
    }

    #[test]
    fn elements_of_an_older_kernel_are_filled() {
        let words: [u32; 2] = [1, 3];
        let expected = [
            Two {
                first: 1,
                second: 0,
            },
            Two {
                first: 3,
                second: 0,
            },
        ];
        assert_eq!(twos(words.as_bytes(), 4).unwrap(), expected);
    }

    #[test]
    fn bad_arrays_are_refused() {
        assert_eq!(twos(&[], 0), Ok(Vec::new()));
        assert_eq!(twos(&[], 8), Ok(Vec::new()));
        assert_eq!(
            twos(&[0; 8], 0),
            Err(Error::BadAnswer("a part of an element"))
        );
        assert_eq!(
            twos(&[0; 12], 8),
            Err(Error::BadAnswer("a part of an element"))
        );
    }

    /// A kernel whose answer has `size` bytes of 7.
    fn answer(data: &mut [u8], size: u32) -> accel_info {
        let common = data.len().min(size as usize);
        data[..common].fill(7);
        accel_info {
            size,
            version: 2,
            element_size: 4,
            ..accel_info::new_zeroed()
        }
    }

    #[test]
    fn two_passes_suffice() {
        let calls = Cell::new(0);
        let got = raw_info(|data| {
            calls.set(calls.get() + 1);
            Ok(answer(data, 12))
        });
        assert_eq!(
            got,
            Ok(Answer {
                version: 2,
                element_size: 4,
                bytes: vec![7; 12]
            })
        );
        assert_eq!(calls.get(), 2);
    }

    #[test]
    fn an_answer_may_grow_and_shrink() {
        let sizes = Cell::new([8, 16, 12].as_slice());
        let got = raw_info(|data| {
            let (size, rest) = sizes.get().split_first().unwrap();
            sizes.set(rest);
            Ok(answer(data, *size))
        });
        assert_eq!(got.unwrap().bytes, [7; 12]);
    }

    #[test]
    fn an_endless_answer_is_refused() {
        let got = raw_info(|data| Ok(answer(data, data.len() as u32 * 2 + 1)));
        assert_eq!(got, Err(Error::BadAnswer("too long an answer")));
        let got = raw_info(|_| Err(Errno::AGAIN));
        assert_eq!(
            got.unwrap_err().to_string(),
            "cannot ask about the device: the device is being reset, or clears memory: try again"
        );
    }
}
