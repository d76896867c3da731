// SPDX-License-Identifier: GPL-2.0

//! What INFO answers, in the making.

use kernel::prelude::*;
use zerocopy::{
    FromZeros,
    Immutable,
    IntoBytes, //
};

/// An answer of this size needs no allocation, bytes.
const INLINE: usize = 64;
/// A larger one begins with so much, bytes: what most have room in.
const HEAP: usize = 1024;

/// An answer in the making.
pub struct Answer {
    inline: Inline,
    len: usize,
    /// Holds all of it once it does not fit into `inline`.
    heap: Option<KVVec<u8>>,
}

#[repr(align(8))]
struct Inline([u8; INLINE]);

impl Answer {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            inline: Inline([0; INLINE]),
            len: 0,
            heap: None,
        }
    }

    /// Adds a struct, or an element of the array.
    #[inline]
    pub fn push<S: IntoBytes + Immutable>(&mut self, value: &S) -> Result {
        let bytes = value.as_bytes();
        let len = self.len + bytes.len();
        match self.inline.0.get_mut(self.len..len) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.spill(bytes)?,
        }
        self.len = len;
        Ok(())
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) -> Result {
        let heap = match &mut self.heap {
            Some(heap) => heap,
            None => {
                let mut heap = KVVec::with_capacity(HEAP, GFP_KERNEL)?;
                let inline = self.inline.0.get(..self.len).unwrap_or_default();
                heap.extend_from_slice(inline, GFP_KERNEL)?;
                self.heap.insert(heap)
            }
        };
        Ok(heap.extend_from_slice(bytes, GFP_KERNEL)?)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.heap {
            Some(heap) => heap,
            None => self.inline.0.get(..self.len).unwrap_or_default(),
        }
    }
}

/// A string for user space: cut if need be, always with a NUL at its end.
pub(crate) fn text<const N: usize>(s: &CStr) -> [c_char; N] {
    let mut text: [c_char; N] = FromZeros::new_zeroed();
    let room = text.iter_mut().take(N.saturating_sub(1));
    for (to, from) in room.zip(s.to_bytes()) {
        *to = *from as c_char;
    }
    text
}
