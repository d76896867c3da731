// SPDX-License-Identifier: GPL-2.0
//! Streams with anything in them: each ends with a status that makes sense, or can be reset, and no
//! bus access leaves memory.

use std::io::Write;
use std::panic;
use std::sync::Once;
use std::time::{Duration, Instant};

use ethosu_model::Configuration::Macs512;
use ethosu_model::regs::{self, status};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::machine::{self, CONV, DEPTHWISE, DMA, Machine, POOL, STOP, op, set, set_long};

/// What a fuzzed job may take before it is reset.
const PATIENCE: Duration = Duration::from_millis(300);

/// Ends the process on a panic: one on the thread of a job would go unseen.
static ABORT: Once = Once::new();

fn abort(info: &panic::PanicHookInfo<'_>) {
    // What is printed with eprintln! is kept for a report that nobody writes then.
    let _ = writeln!(std::io::stderr(), "{info}");
    std::process::abort();
}

/// Runs a stream to its end, or resets it.
fn run(words: &[u32]) -> Result<(), TestCaseError> {
    ABORT.call_once(|| panic::set_hook(Box::new(abort)));
    let machine = Machine::new(Macs512);
    machine.start(&[words.to_vec()]);
    let begin = Instant::now();
    loop {
        let now = machine.npu.read(regs::STATUS);
        if now & status::RUNNING == 0 {
            let ends = status::END | status::BUS_ERROR | status::PARSE_ERROR;
            prop_assert_eq!((now & ends).count_ones(), 1, "status {:#x}", now);
            prop_assert!(now & status::IRQ != 0);
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            machine.npu.write(regs::RESET, 0);
            prop_assert_eq!(machine.npu.read(regs::STATUS), 0);
            return Ok(());
        }
    }
}

/// A number that is likely to be at some edge.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..40,
        Just(0xff),
        Just(0xffff),
        Just(0x8101),
        Just(0x1000),
        Just(machine::MEMORY as u64 - 1),
        Just(0xffff_ffff),
        Just((1 << 40) - 1),
        0u64..1 << 41,
    ]
}

/// A parameter set to such a number.
fn parameter() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        (0x100u16..0x134, number()).prop_map(|(opcode, value)| set(opcode, value as u16)),
        (0x00u16..0x33, number()).prop_map(|(opcode, value)| set_long(opcode, value)),
        (0x90u16..0x94, number()).prop_map(|(opcode, value)| set_long(opcode, value)),
    ]
}

fn operation() -> impl Strategy<Value = Vec<u32>> {
    let kind = prop_oneof![Just(CONV), Just(DEPTHWISE), Just(POOL), Just(DMA)];
    (kind, 0u16..2).prop_map(|(kind, mode)| op(kind, if kind == POOL { mode } else { 0 }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_words(words in vec(any::<u32>(), 0..64)) {
        run(&words)?;
    }

    /// A sensible stream with a few parameters gone wrong.
    #[test]
    fn damaged_parameters(damage in vec(parameter(), 1..4), operation in operation()) {
        let mut words = machine::maps((4, 4, 8), (4, 4, 8));
        words.extend(machine::dma(0, 0x3000, 0x100, 0xb800, 256));
        words.extend([set(0x117, 7), set(0x128, 0), set(0x129, 0)].concat());
        for core in [0x20, 0x90] {
            let lengths = [set_long(core + 1, 64), set_long(core + 3, 80)].concat();
            words.extend([set_long(core, 0x5000), set_long(core + 2, 0x6000), lengths].concat());
        }
        words.extend(damage.concat());
        words.extend([operation, op(STOP, 0)].concat());
        run(&words)?;
    }
}
