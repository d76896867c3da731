// SPDX-License-Identifier: GPL-2.0

//! The list of all buffers of a device, for developers (debugfs): one line for each, the newest
//! first, whoever holds it.

use kernel::{
    fmt,
    prelude::*,
    str::CString, //
};
use kernel_ext::pages::Caching;

use crate::{
    buffer::{
        Backing,
        Inner, //
    },
    memory::Memory,
    placement::Placement, //
};

/// Writes the list: process, its name, bytes, where the memory is and how CPUs see it, what holds
/// the buffer besides mappings and jobs, whether its user needs it, and the label.
pub(crate) fn write(memory: &Memory, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("pid process bytes placement caching held-by advice label\n")?;
    memory.buffers.try_for_each(|buffer, label| {
        let owner = buffer.owner();
        f.write_fmt(fmt!(
            "{} {} {} {} {} {} {} {}\n",
            owner.pid().number(),
            owner.name(),
            buffer.size(),
            Place(buffer),
            caching(buffer),
            held_by(buffer),
            advice(buffer),
            Label(label)
        ))
    })
}

/// Where the memory is.
struct Place<'a>(&'a Inner);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.origin().is_some() {
            // The memory is that of another buffer.
            return f.write_str("shared");
        }
        match (self.0.placement(), self.0.device_memory()) {
            (_, Some(memory)) => f.write_fmt(fmt!("device:{}", memory.region_name())),
            (Placement::Contiguous, _) => f.write_str("contiguous"),
            (Placement::User, _) => f.write_str("user"),
            (Placement::Imported, _) => f.write_str("imported"),
            _ => f.write_str("pages"),
        }
    }
}

fn caching(buffer: &Inner) -> &'static str {
    match buffer.memory() {
        Backing::Pages(pages) if pages.caching() == Caching::Cached => "cached",
        Backing::Pages(_) | Backing::Device(_) => "combined",
        Backing::Imported { .. } => "-",
    }
}

fn held_by(buffer: &Inner) -> &'static str {
    match (buffer.first_page().is_some(), buffer.was_exported()) {
        (true, true) => "handle,exported",
        (true, false) => "handle",
        (false, true) => "exported",
        (false, false) => "-",
    }
}

fn advice(buffer: &Inner) -> &'static str {
    match (buffer.was_purged(), buffer.is_needed()) {
        (true, _) => "purged",
        (false, true) => "needed",
        (false, false) => "unneeded",
    }
}

/// The last column: may have spaces.
struct Label<'a>(&'a Option<KBox<CString>>);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(label) => fmt::Display::fmt(&***label, f),
            None => f.write_str("-"),
        }
    }
}
