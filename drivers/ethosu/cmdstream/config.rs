// SPDX-License-Identifier: GPL-2.0

//! What the check depends on besides the stream: the NPU.

/// The longest stream in bytes: the limit of the NPU's register QSIZE.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// Which U65: the number of its MACs in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Config {
    /// One core.
    U65_256,
    /// Two cores.
    U65_512,
}
