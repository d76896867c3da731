// SPDX-License-Identifier: GPL-2.0

//! fdinfo of the compute node, in the form of `Documentation/gpu/drm-usage-stats.rst`: what top-like
//! programs read.

use kernel::{
    seq_file::SeqFile,
    seq_print, //
};
use kernel_ext::device::bus_name;

use crate::{
    driver::Driver,
    file::File,
    usage, //
};

/// Shows who the client is, and how much memory its buffers take.
pub(crate) fn show<T: Driver>(file: &File<T>, seq: &SeqFile) {
    let client = &file.client;
    seq_print!(seq, "drm-driver:\t{}\n", T::NAME);
    seq_print!(seq, "drm-client-id:\t{}\n", client.owner.id());
    if bus_name(&*client.device.parent) == c"pci" {
        seq_print!(seq, "drm-pdev:\t{}\n", client.device.parent.name());
    }
    // Out of memory: nothing is better than something wrong.
    let Ok(sums) = usage::of(file) else { return };
    for (name, sum) in client.device.memory_names().zip(&sums) {
        for (key, bytes) in [
            ("total", sum.total),
            ("resident", sum.resident),
            ("shared", sum.shared),
            ("active", sum.active),
            ("purgeable", sum.purgeable),
        ] {
            seq_print!(seq, "drm-{key}-{name}:\t{} KiB\n", bytes >> 10);
        }
    }
}
