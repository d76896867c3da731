// SPDX-License-Identifier: GPL-2.0
//! The registers: identification, start and end of jobs, interrupt, reset, injected faults.

use std::time::{Duration, Instant};

use ethosu_model::Configuration::{Macs256, Macs512};
use ethosu_model::Late;
use ethosu_model::regs::{self, cmd, status};

use crate::machine::{self, AVERAGE, ELEMENTWISE, Machine, POOL, STOP, op, set, set_long};

/// Longer than this thread is kept from a processor that others want, too.
const LONG: Duration = Duration::from_secs(1);

#[test]
fn identification() {
    let machine = Machine::new(Macs256);
    assert_eq!(machine.npu.read(regs::ID), 0x1006_6001);
    assert_eq!(machine.npu.read(regs::CONFIG) & 0xf, 8);
    assert_eq!(Machine::new(Macs512).npu.read(regs::CONFIG) & 0xf, 9);
    let word = |at: u64| machine.npu.read(0xff0 + 4 * at);
    assert_eq!([0, 1, 2, 3].map(word), [0x0d, 0xf0, 0x05, 0xb1]);
}

#[test]
fn registers_keep_what_they_can() {
    let npu = Machine::new(Macs256).npu;
    for (offset, kept) in [
        (regs::QBASE, u32::MAX),
        (regs::QBASE_HI, 0xff),
        (regs::QSIZE, u32::MAX),
        (regs::REGIONCFG, 0xffff),
        (regs::AXI_LIMIT0 + 12, u32::MAX),
        (regs::BASEP0 + 56, u32::MAX),
        (regs::BASEP0 + 60, 0xff),
        (regs::ID, 0x1006_6001),
        (regs::QREAD, 0),
        (regs::STATUS, 0),
        (0x800, 0),
    ] {
        npu.write(offset, u32::MAX);
        assert_eq!(npu.read(offset), kept, "{offset:#x}");
    }
    npu.write(regs::RESET, 2);
    assert_eq!(npu.read(regs::PROT), 2);
    assert_eq!(npu.read(regs::BASEP0 + 56), 0);
}

#[test]
fn stop_raises_the_interrupt_and_its_history() {
    let machine = Machine::new(Macs256);
    let end = machine.run(&[op(STOP, 0x8001)]);
    assert_eq!(end, status::END | status::IRQ | 0x8001 << 16);
    assert_eq!(machine.npu.read(regs::QREAD), 4);
    machine.npu.write(regs::CMD, cmd::CLEAR_IRQ | 0x8000 << 16);
    assert_eq!(machine.npu.read(regs::STATUS), status::END | 1 << 16);
    assert_eq!(machine.edges(), 0, "no edge is left over");
}

#[test]
fn one_edge_while_the_line_stays_high() {
    let machine = Machine::new(Macs256);
    machine.run(&[op(STOP, 0)]);
    machine.start(&[op(STOP, 0)]);
    machine.wait();
    assert_eq!(machine.edges(), 0);
}

#[test]
fn errors_last_until_reset() {
    let machine = Machine::new(Macs256);
    machine.run(&[op(ELEMENTWISE, 0)]);
    machine.npu.write(regs::CMD, cmd::CLEAR_IRQ);
    machine.start(&[op(STOP, 0)]);
    assert_eq!(
        machine.npu.read(regs::STATUS),
        status::PARSE_ERROR,
        "did not start"
    );
    machine.npu.write(regs::RESET, 2);
    assert_eq!(machine.npu.read(regs::STATUS), 0);
    assert_eq!(machine.run(&[op(STOP, 0)]) & status::END, status::END);
}

#[test]
fn bus_errors_name_their_channel() {
    let machine = Machine::new(Macs256);
    let beyond = machine::MEMORY as u64;
    let mut stream = machine::maps((1, 1, 4), (1, 1, 4));
    stream.extend(set_long(0x10, beyond));
    stream.extend([op(POOL, AVERAGE), op(STOP, 0)].concat());
    machine.npu.write(regs::REGIONCFG, 0x2);
    let end = machine.run_words(&stream);
    assert_eq!(
        end,
        status::BUS_ERROR | status::IRQ | 1 << 11 | 8 << 12,
        "output, AXI 1"
    );
    machine.npu.write(regs::RESET, 0);
    let end = machine.run_words(&machine::dma(0, beyond - 1, 0, 0, 2));
    assert_eq!(end, status::BUS_ERROR | status::IRQ | 4 << 12, "DMA read");
    machine.npu.write(regs::RESET, 0);
    machine.npu.write(regs::QBASE_HI, 0xff);
    machine.npu.write(regs::QSIZE, 4);
    machine.npu.write(regs::CMD, cmd::RUN);
    assert_eq!(
        machine.wait(),
        status::BUS_ERROR | status::IRQ,
        "command stream"
    );
}

#[test]
fn hang_until_reset() {
    let machine = Machine::new(Macs256);
    machine.npu.inject(|faults| faults.hang = true);
    machine.start(&[op(STOP, 0)]);
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(machine.npu.read(regs::STATUS), status::RUNNING);
    assert_eq!(machine.npu.read(regs::QREAD), 0);
    machine.npu.inject(|faults| faults.hang = false);
    machine.npu.write(regs::RESET, 0);
    assert_eq!(machine.run(&[op(STOP, 0)]) & status::END, status::END);
    assert_eq!(
        (machine.npu.counts().jobs, machine.npu.counts().resets),
        (2, 1)
    );
}

#[test]
fn slow_jobs_make_progress_and_can_be_reset() {
    let machine = Machine::new(Macs256);
    machine
        .npu
        .inject(|faults| faults.slow = Duration::from_millis(60));
    let stream = [set(0x100, 0).repeat(30), op(STOP, 0)].concat();
    let begin = Instant::now();
    machine.start(std::slice::from_ref(&stream));
    let mut seen = Vec::new();
    while machine.npu.read(regs::STATUS) & status::RUNNING != 0 {
        seen.push(machine.npu.read(regs::QREAD));
    }
    assert!(begin.elapsed() >= Duration::from_millis(60));
    seen.dedup();
    assert!(seen.len() > 3 && seen.is_sorted(), "{seen:?}");
    machine.npu.write(regs::CMD, cmd::CLEAR_IRQ);
    machine.start(&[stream]);
    machine.npu.write(regs::RESET, 0);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(
        machine.npu.read(regs::STATUS),
        0,
        "nobody finished a job that was reset"
    );
}

#[test]
fn injected_bus_error() {
    let machine = Machine::new(Macs256);
    machine.npu.inject(|faults| faults.bus_error = true);
    assert_eq!(machine.run(&[op(STOP, 0)]), status::BUS_ERROR | status::IRQ);
}

#[test]
fn a_late_job_ends_before_its_reset_does() {
    let machine = Machine::new(Macs256);
    let late = Late::Reset(LONG);
    machine.npu.inject(|faults| faults.late = Some(late));
    machine.start(&[op(STOP, 0)]);
    machine.npu.write(regs::RESET, 2);
    let ended = status::END | status::IRQ;
    assert_eq!(machine.npu.read(regs::STATUS), status::RESET | ended);
    machine.npu.write(regs::CMD, cmd::RUN);
    assert_eq!(machine.npu.counts().jobs, 1, "none starts in a reset");
    let begin = Instant::now();
    while machine.npu.read(regs::STATUS) & status::RESET != 0 {
        assert!(begin.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    assert_eq!(machine.npu.read(regs::STATUS), 0);
    assert_eq!(machine.npu.read(regs::PROT), 2);
    assert_eq!(machine.edges(), 1);
    assert_eq!(machine.run(&[op(STOP, 0)]), ended, "only one is late");
}

#[test]
fn a_late_job_ends_in_the_next_one() {
    let machine = Machine::new(Macs256);
    let late = Some(Late::NextJob(LONG));
    machine.npu.inject(|faults| faults.late = late);
    machine.start(&[op(STOP, 0)]);
    machine.npu.write(regs::RESET, 0);
    assert_eq!(machine.npu.read(regs::STATUS), 0);
    assert_eq!(machine.edges(), 0);
    let begin = Instant::now();
    machine.start(&[op(STOP, 0)]);
    let ended = status::END | status::IRQ;
    assert_eq!(machine.npu.read(regs::STATUS), status::RUNNING | ended);
    machine.npu.write(regs::CMD, cmd::CLEAR_IRQ);
    assert_eq!(machine.wait(), ended);
    assert!(begin.elapsed() >= LONG);
    assert_eq!(machine.edges(), 2);
    machine.npu.write(regs::CMD, cmd::CLEAR_IRQ);
    assert_eq!(machine.run(&[op(STOP, 0)]), ended);
    assert_eq!(machine.edges(), 0, "only one is late");
}
