// SPDX-License-Identifier: GPL-2.0
//! Two functions behind one switch.

use pci_model::{Fault, Port, Switch};

use crate::bench::{Bench, COMMAND_MASTER, COMMAND_MEMORY, MSIX};

/// Where the guest puts memory BAR 4 of the second function.
const BAR4: u64 = 0x20;
const ADDRESS: u64 = 0x12_3450_0000;

fn pair() -> (Bench, Bench) {
    let switch = Switch::default();
    let mut benches = [(), ()].map(|()| Bench::plugged(Port::behind(&switch, 4), MSIX));
    benches[1].write_config(BAR4, &ADDRESS.to_le_bytes());
    benches[1].enable(COMMAND_MEMORY);
    benches[0].enable(COMMAND_MASTER);
    benches.into()
}

#[test]
fn memory_of_a_peer() {
    let (one, two) = pair();
    one.dma.peer_write(ADDRESS + 8, b"peer").unwrap();
    let mut data = [0; 4];
    assert!(two.memory.read(8, &mut data));
    assert_eq!(&data, b"peer");
    one.dma.peer_read(ADDRESS + 8, &mut data).unwrap();
    assert_eq!(&data, b"peer");
    let end = ADDRESS + two.memory.size();
    assert_eq!(
        one.dma.peer_write(end - 2, &data),
        Err(Fault::Unmapped(end - 2))
    );
}

#[test]
fn only_a_master_reaches_a_peer() {
    let (mut one, _two) = pair();
    one.enable(0);
    assert_eq!(one.dma.peer_read(ADDRESS, &mut [0]), Err(Fault::NotMaster));
}

#[test]
fn a_peer_that_went_away() {
    let (one, two) = pair();
    two.port.surprise_remove();
    assert_eq!(
        one.dma.peer_read(ADDRESS, &mut [0]),
        Err(Fault::Unmapped(ADDRESS))
    );
}

#[test]
fn a_peer_in_d3() {
    let (one, mut two) = pair();
    two.write_config(0x44, &[3]);
    assert!(one.dma.peer_read(ADDRESS, &mut [0]).is_err());
    two.write_config(0x44, &[0]);
    assert!(one.dma.peer_read(ADDRESS, &mut [0]).is_ok());
}
