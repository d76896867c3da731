// SPDX-License-Identifier: GPL-2.0
//! What a model implements: the trait of a PCI function and the description it gives of itself.

use crate::bar::Bar;

/// A PCI function.
///
/// The methods are called on the server's thread, one at a time, while the model's own threads and
/// the functions beside it in the process may run. They should return soon: QEMU gives up after 5
/// s.
pub trait Function: Send + Sync {
    /// Configuration space and BARs; asked once, when the server is made.
    fn description(&self) -> Description;

    /// A read from `bar`. `data` holds all-ones: an undefined access leaves them there.
    ///
    /// `offset` and the length of `data` are inside the BAR; nothing else is sure about them.
    fn read(&self, bar: usize, offset: u64, data: &mut [u8]);

    /// A write to `bar`, inside it as for [`read`](Function::read).
    fn write(&self, bar: usize, offset: u64, data: &[u8]);

    /// Back to the state after power-on. No access to guest memory may follow the return.
    fn reset(&self, kind: Reset);

    /// D0 was left (`false`) or entered again (`true`). Accesses and messages have ended before.
    fn power(&self, _on: bool) {}
}

/// Who asked for a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The driver, by Initiate Function Level Reset of the PCI Express capability.
    Function,
    /// The machine: its own reset, or the bus above.
    Bus,
}

/// What configuration space says about a function.
#[derive(Clone, Debug)]
pub struct Description {
    /// Vendor ID.
    pub vendor: u16,
    /// Device ID.
    pub device: u16,
    /// Subsystem vendor ID.
    pub subsystem_vendor: u16,
    /// Subsystem ID.
    pub subsystem: u16,
    /// Revision ID.
    pub revision: u8,
    /// Class code, 24 bits: base class, sub-class, programming interface.
    pub class: u32,
    /// The BARs, in any order.
    pub bars: Vec<Bar>,
    /// How it interrupts.
    pub interrupts: Interrupts,
}

/// How a function interrupts; the number of vectors is the port's.
///
/// QEMU 11.1 aborts when it frees a vfio-user device with MSI-X after unplugging it; with MSI it
/// does not.
#[derive(Clone, Copy, Debug)]
pub enum Interrupts {
    /// Not at all.
    None,
    /// By MSI: 1, 2, 4, 8, 16 or 32 vectors.
    Msi,
    /// By MSI-X: up to 2048 vectors. The frame answers for the table's part of the BAR.
    Msix(MsixLayout),
}

/// Place of the MSI-X table and pending-bit array.
#[derive(Clone, Copy, Debug)]
pub struct MsixLayout {
    /// BAR that holds both.
    pub bar: usize,
    /// Offset of the table, a multiple of 8; 16 bytes per vector.
    pub table: u32,
    /// Offset of the pending-bit array, a multiple of 8; one bit per vector in whole 64-bit words.
    pub pba: u32,
}
