// SPDX-License-Identifier: GPL-2.0

//! fdinfo of the compute node, in the form of `Documentation/gpu/drm-usage-stats.rst`: what top-like
//! programs read.

use core::ops::Range;
use kernel::{
    seq_file::SeqFile,
    seq_print,
    str::BStr, //
};
use kernel_ext::device::bus_name;

use crate::{
    driver::{
        Driver,
        EngineInfo, //
    },
    file::File,
    share::Share,
    usage, //
};

/// Shows who the client is, what engines have done for it, and how much memory its buffers take.
pub(crate) fn show<T: Driver>(file: &File<T>, seq: &SeqFile) {
    let client = &file.client;
    seq_print!(seq, "drm-driver:\t{}\n", T::NAME);
    seq_print!(seq, "drm-client-id:\t{}\n", client.share.client());
    if bus_name(&*client.device.parent) == c"pci" {
        seq_print!(seq, "drm-pdev:\t{}\n", client.device.parent.name());
    }
    client.device.charge_user_queues();
    for scheduler in &client.device.schedulers {
        show_time(scheduler.engines(), &client.share, seq);
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

/// Shows how long engines that are alike have worked for a client.
fn show_time<T: Driver>(engines: Range<usize>, share: &Share<T>, seq: &SeqFile) {
    let infos = T::ENGINES.get(engines.clone()).unwrap_or_default();
    let name = BStr::from_bytes(common_name(infos));
    let ns = |engine| share.used(engine).ns + share.user_times.get(engine);
    let ns: u64 = engines.map(ns).sum();
    seq_print!(seq, "drm-engine-{name}:\t{ns} ns\n");
    if infos.len() > 1 {
        seq_print!(seq, "drm-engine-capacity-{name}:\t{}\n", infos.len());
    }
}

/// Returns what all names begin with: "copy" of "copy0" and "copy1".
fn common_name(infos: &[EngineInfo]) -> &'static [u8] {
    let first = infos.first().map_or(c"", |info| info.name).to_bytes();
    let common = infos.iter().map(|info| {
        let pairs = first.iter().zip(info.name.to_bytes());
        pairs.take_while(|(a, b)| a == b).count()
    });
    match common.min() {
        Some(0) | None => first,
        Some(common) => first.get(..common).unwrap_or(first),
    }
}
