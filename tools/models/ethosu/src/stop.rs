// SPDX-License-Identifier: GPL-2.0
//! Why the NPU stops before the end of a command stream.

/// Master that a failed transfer was for: `faulting_channel` of STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Command stream.
    CommandRead = 0,
    /// Input feature map.
    IfmRead = 1,
    /// Weight stream.
    WeightRead = 2,
    /// Scale and bias records.
    ScaleRead = 3,
    /// Source of a DMA.
    DmaRead = 4,
    /// Output feature map.
    OfmWrite = 8,
    /// Destination of a DMA.
    DmaWrite = 9,
}

/// A premature end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The command stream is malformed, or asks for something that is not modelled.
    Command(&'static str),
    /// The weight stream is malformed, or does not fit the operation.
    Weights(&'static str),
    /// A transfer failed.
    Bus {
        /// Who transferred.
        channel: Channel,
        /// Over which AXI interface, 0 or 1.
        interface: u8,
    },
    /// The NPU was reset: nobody waits for this job any more.
    Reset,
}
