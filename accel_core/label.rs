// SPDX-License-Identifier: GPL-2.0

//! A short text that user space gets in a table.

use kernel::fmt::{
    self,
    Write, //
};

/// Bytes of a text, its NUL included.
const SIZE: usize = 32;

/// A text of at most 31 bytes, all of them printable.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Label {
    bytes: [u8; SIZE],
    len: usize,
}

impl Label {
    /// Makes one of all before a NUL, as far as there is room; what cannot be printed becomes "_".
    pub fn new(text: &[u8]) -> Self {
        let mut this = Self::default();
        this.push(text.split(|byte| *byte == 0).next().unwrap_or_default());
        this
    }

    /// Makes one of what `fmt!` has, as far as there is room.
    pub fn from_fmt(text: fmt::Arguments<'_>) -> Self {
        let mut this = Self::default();
        // What there is no room for is lost.
        let _ = this.write_fmt(text);
        this
    }

    fn push(&mut self, text: &[u8]) {
        let room = self.bytes.get_mut(self.len..SIZE - 1).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(text) {
            let is_printable = from.is_ascii_graphic() || *from == b' ';
            *to = if is_printable { *from } else { b'_' };
            self.len += 1;
        }
    }

    /// Returns it as it is in tables: with a NUL at least.
    pub(crate) fn as_bytes(&self) -> [u8; SIZE] {
        self.bytes
    }
}

impl fmt::Write for Label {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.bytes.get(..self.len).unwrap_or_default();
        text.iter()
            .try_for_each(|byte| f.write_char(char::from(*byte)))
    }
}
