// SPDX-License-Identifier: GPL-2.0
//! What a function does for a well-behaved peer: the client of the crate `vfio_user`, which is
//! another implementation of the protocol than ours.

use pci_model::{Interrupts, Reset};

use crate::bench::{self, Bench, COMMAND, COMMAND_MASTER, COMMAND_MEMORY, CONFIG, Guest};

/// VFIO's numbers of MSI and MSI-X, and flags: event fds, trigger.
const MSI_IRQ: u32 = 1;
const MSIX_IRQ: u32 = 2;
const EVENTS: u32 = 1 << 2 | 1 << 5;
const DISABLE: u32 = 1 | 1 << 5;

#[test]
fn identity() {
    let mut bench = Bench::new();
    let mut header = [0; 64];
    bench.client.region_read(CONFIG, 0, &mut header).unwrap();
    assert_eq!(header[0..4], [0x34, 0x12, 0xcd, 0xab]);
    assert_eq!(header[8..12], [7, 0, 0, 0x12], "revision and class");
    assert_eq!(header[0x0e], 0, "header type");
    assert_eq!(header[0x06] & 0x10, 0x10, "capability list");
    assert!(
        bench
            .client
            .region(0)
            .is_some_and(|region| region.size == 4096)
    );
}

#[test]
fn capability_list() {
    let mut bench = Bench::new();
    let mut ids = Vec::new();
    let mut at = bench.config_u8(0x34);
    while at != 0 && ids.len() < 48 {
        ids.push((bench.config_u8(at.into()), at));
        at = bench.config_u8(u64::from(at) + 1);
    }
    let ids: Vec<_> = ids.iter().map(|&(id, at)| (id, u64::from(at))).collect();
    let [(1, power), (0x11, msix), (0x10, express)] = ids[..] else {
        panic!("capabilities {ids:x?}");
    };
    assert_eq!(
        bench.config_u32(power) >> 16,
        3,
        "version of power management"
    );
    assert_eq!(bench.config_u32(msix) >> 16, 3, "four vectors");
    assert_eq!(bench.config_u32(express + 4) >> 28 & 1, 1, "FLR");
}

#[test]
fn bar_sizing() {
    let mut bench = Bench::new();
    let sized = |bench: &mut Bench, at: u64| {
        bench.write_config(at, &u32::MAX.to_le_bytes());
        bench.config_u32(at)
    };
    assert_eq!(sized(&mut bench, 0x10), 0xffff_f000, "BAR 0: 4 KiB");
    assert_eq!(sized(&mut bench, 0x14), 0, "BAR 1 does not exist");
    assert_eq!(sized(&mut bench, 0x18), 0xffff_f000, "BAR 2: 4 KiB");
    assert_eq!(
        sized(&mut bench, 0x20),
        0xfff0_000c,
        "BAR 4: 1 MiB, 64 bits, prefetchable"
    );
    assert_eq!(sized(&mut bench, 0x24), 0xffff_ffff, "BAR 4, high");
    assert_eq!(sized(&mut bench, 0x30), 0, "no ROM");
}

#[test]
fn read_only_registers_stay() {
    let mut bench = Bench::new();
    let mut before = vec![0; 4096];
    bench.client.region_read(CONFIG, 0, &mut before).unwrap();
    for at in (0..4096).step_by(4) {
        // Not FLR.
        if at != 0x68 {
            bench.write_config(at, &[0xff; 4]);
            bench.write_config(at, &[0; 4]);
        }
    }
    let mut after = vec![0; 4096];
    bench.client.region_read(CONFIG, 0, &mut after).unwrap();
    before[0x68..0x6c].fill(0);
    after[0x68..0x6c].fill(0);
    assert_eq!(before, after);
}

#[test]
fn registers_answer_by_message() {
    let mut bench = Bench::new();
    bench.enable(COMMAND_MEMORY);
    bench
        .client
        .region_write(0, 8, &7u32.to_le_bytes())
        .unwrap();
    assert_eq!(bench.bar_u32(0, 8), 7);
    assert_eq!(bench.bar_u32(0, 12), 0);
}

#[test]
fn nothing_answers_without_memory_space() {
    let mut bench = Bench::new();
    assert_eq!(bench.bar_u32(0, 8), u32::MAX);
    bench
        .client
        .region_write(0, 8, &7u32.to_le_bytes())
        .unwrap();
    bench.enable(COMMAND_MEMORY);
    assert_eq!(bench.bar_u32(0, 8), 0, "the write was lost");
}

#[test]
fn d3hot_cuts_off() {
    let mut bench = Bench::new();
    let guest = Guest::mapped(&mut bench, 0x10_0000);
    bench.enable(COMMAND_MEMORY | COMMAND_MASTER);
    bench.write_config(0x44, &[3]);
    assert_eq!(bench.bar_u32(0, 8), u32::MAX);
    assert!(bench.dma.write(0x10_0000, b"x").is_err());
    bench.write_config(0x44, &[0]);
    assert_eq!(bench.bar_u32(0, 8), 0);
    assert!(bench.dma.write(0x10_0000, b"x").is_ok());
    assert_eq!(guest.bytes(0, 1), b"x");
}

#[test]
fn dma_needs_bus_mastering() {
    let mut bench = Bench::new();
    let guest = Guest::mapped(&mut bench, 0x10_0000);
    assert!(bench.dma.write(0x10_0000, b"too early").is_err());
    assert_eq!(guest.bytes(0, 9), [0; 9]);
    bench.enable(COMMAND_MASTER);
    bench.dma.write(0x10_0ffe, b"both pages").unwrap();
    assert_eq!(guest.bytes(0xffe, 10), b"both pages");
    bench.enable(0);
    assert!(bench.dma.read(0x10_0000, &mut [0; 4]).is_err());
}

#[test]
fn dma_ends_where_mappings_end() {
    let mut bench = Bench::new();
    let _guest = Guest::mapped(&mut bench, 0x10_0000);
    bench.enable(COMMAND_MASTER);
    let dma = bench.dma.clone();
    assert!(dma.write(0x0f_ffff, b"ab").is_err(), "begins before");
    assert!(dma.write(0x10_1fff, b"ab").is_err(), "ends after");
    assert!(dma.read(u64::MAX, &mut [0; 2]).is_err(), "wraps");
    let mut last = [1; 2];
    dma.read(0x10_1ffe, &mut last).unwrap();
    assert_eq!(last, [0; 2], "a failed write left nothing");
    bench.client.dma_unmap(0x10_0000, 0x2000).unwrap();
    assert!(dma.read(0x10_0000, &mut [0; 2]).is_err(), "unmapped");
}

#[test]
fn msix_by_event_fd() {
    let mut bench = Bench::new();
    let events = [bench.event(), bench.event()];
    for (start, event) in [(1, &events[0]), (3, &events[1])] {
        let fd = bench::raw(event);
        bench
            .client
            .set_irqs(MSIX_IRQ, EVENTS, start, 1, &[fd])
            .unwrap();
    }
    bench.messages.send(1);
    assert_eq!(
        bench::drain(&events[0]),
        0,
        "no message without bus mastering"
    );
    bench.enable(COMMAND_MASTER);
    bench.messages.send(1);
    bench.messages.send(3);
    bench.messages.send(3);
    bench.messages.send(9);
    assert_eq!((bench::drain(&events[0]), bench::drain(&events[1])), (1, 2));
    bench.messages.lose_next(1);
    bench.messages.send(1);
    bench.messages.send(1);
    assert_eq!(bench::drain(&events[0]), 1, "one of two lost");
    bench.client.set_irqs(MSIX_IRQ, DISABLE, 0, 0, &[]).unwrap();
    bench.messages.send(1);
    assert_eq!(bench::drain(&events[0]), 0);
}

#[test]
fn msi_by_event_fd() {
    let mut bench = Bench::with(Interrupts::Msi);
    assert_eq!(bench.config_u32(0x50), 0x0084_6005, "64 bits, four vectors");
    assert_eq!(bench.client.get_irq_info(MSI_IRQ).unwrap().count, 4);
    assert_eq!(bench.client.get_irq_info(MSIX_IRQ).unwrap().count, 0);
    bench.enable(COMMAND_MASTER);
    bench.messages.send(1);
    bench.write_config(0x52, &[1]);
    let events = [bench.event(), bench.event()];
    let fds = events.each_ref().map(bench::raw);
    bench.client.set_irqs(MSI_IRQ, EVENTS, 0, 2, &fds).unwrap();
    bench.messages.send(1);
    assert_eq!((bench::drain(&events[0]), bench::drain(&events[1])), (0, 1));
    assert_eq!(
        bench.bar_u32(2, 0x800),
        u32::MAX,
        "no pending bits in a BAR"
    );
}

#[test]
fn msix_stays_pending_until_it_can_go() {
    let mut bench = Bench::new();
    bench.enable(COMMAND_MEMORY | COMMAND_MASTER);
    bench.write_config(0x53, &[0x80]);
    bench.messages.send(2);
    assert_eq!(bench.bar_u32(2, 0x800), 1 << 2);
    let event = bench.event();
    let fd = bench::raw(&event);
    bench
        .client
        .set_irqs(MSIX_IRQ, EVENTS, 2, 1, &[fd])
        .unwrap();
    assert_eq!(bench::drain(&event), 1);
    assert_eq!(bench.bar_u32(2, 0x800), 0);
}

#[test]
fn msix_table_is_memory() {
    let mut bench = Bench::new();
    bench.enable(COMMAND_MEMORY);
    assert_eq!(bench.bar_u32(2, 0x3c), 1, "vectors are masked after reset");
    bench
        .client
        .region_write(2, 0x30, &0xfee0_0000u32.to_le_bytes())
        .unwrap();
    assert_eq!(bench.bar_u32(2, 0x30), 0xfee0_0000);
    bench.client.region_write(2, 0x800, &[0xff; 8]).unwrap();
    assert_eq!(bench.bar_u32(2, 0x800), 0, "pending bits are read-only");
}

#[test]
fn memory_bar_is_shared() {
    let mut bench = Bench::new();
    bench.enable(COMMAND_MEMORY);
    let guest = Guest::bar(&bench, 4);
    guest.write(0x8000, b"from the guest");
    let mut bytes = [0; 14];
    assert!(bench.memory.read(0x8000, &mut bytes));
    assert_eq!(&bytes, b"from the guest");
    assert!(bench.memory.write(0xf_fff0, b"from the device"));
    assert_eq!(guest.bytes(0xf_fff0, 15), b"from the device");
    assert!(!bench.memory.write(0xf_fff8, b"beyond the end"));
    assert_eq!(bench.bar_u32(4, 0x8000), u32::from_le_bytes(*b"from"));
}

#[test]
fn function_level_reset() {
    let mut bench = Bench::new();
    let _guest = Guest::mapped(&mut bench, 0x10_0000);
    bench.enable(COMMAND_MEMORY | COMMAND_MASTER);
    bench
        .client
        .region_write(0, 8, &7u32.to_le_bytes())
        .unwrap();
    bench.write_config(0x69, &[0x80]);
    assert_eq!(bench.resets(), [Reset::Function]);
    assert_eq!(bench.config_u32(0x68) >> 15 & 1, 0, "reads as zero");
    assert_eq!(bench.config_u32(COMMAND) & 0xffff, 0);
    assert!(bench.dma.read(0x10_0000, &mut [0; 1]).is_err());
    bench.enable(COMMAND_MEMORY);
    assert_eq!(bench.bar_u32(0, 8), 0);
}

#[test]
fn device_reset() {
    let mut bench = Bench::new();
    bench.enable(COMMAND_MEMORY);
    bench.client.reset().unwrap();
    assert_eq!(bench.resets(), [Reset::Bus]);
    assert_eq!(bench.config_u32(COMMAND) & 0xffff, 0);
}

#[test]
fn surprise_removal() {
    let mut bench = Bench::new();
    let _guest = Guest::mapped(&mut bench, 0x10_0000);
    let bar = Guest::bar(&bench, 4);
    let event = bench.event();
    let fd = bench::raw(&event);
    bench
        .client
        .set_irqs(MSIX_IRQ, EVENTS, 0, 1, &[fd])
        .unwrap();
    bench.enable(COMMAND_MEMORY | COMMAND_MASTER);
    bench.port.surprise_remove();
    assert_eq!(bench.config_u32(0), u32::MAX);
    assert_eq!(bench.bar_u32(0, 8), u32::MAX);
    assert_eq!(bar.bytes(0x1234, 4), [0xff; 4]);
    assert!(bench.dma.read(0x10_0000, &mut [0; 1]).is_err());
    bench.messages.send(0);
    assert_eq!(bench::drain(&event), 0);
    bench.enable(COMMAND_MEMORY | COMMAND_MASTER);
    assert!(
        bench.dma.read(0x10_0000, &mut [0; 1]).is_err(),
        "gone for good"
    );
}

#[test]
fn leaving_ends_the_server() {
    let bench = Bench::new();
    let (path, dma) = (bench.path(), bench.dma.clone());
    bench.leave().unwrap();
    assert!(!path.exists());
    assert!(dma.read(0x10_0000, &mut [0; 1]).is_err());
}
