// SPDX-License-Identifier: GPL-2.0
//! What is printed: KTAP, a result for each opcode in each way.

use accel_uapi as uapi;
use anyhow::Result;

use crate::vectors::Memory;
use crate::vectors::Vector;

/// All opcodes (`queues.rst`, packets).
const OPCODES: [(uapi::accel_qda_opcode, &str); 12] = [
    (uapi::ACCEL_QDA_NOP, "NOP"),
    (uapi::ACCEL_QDA_WAIT, "WAIT"),
    (uapi::ACCEL_QDA_SIGNAL, "SIGNAL"),
    (uapi::ACCEL_QDA_COPY, "COPY"),
    (uapi::ACCEL_QDA_FILL, "FILL"),
    (uapi::ACCEL_QDA_GEMM, "GEMM"),
    (uapi::ACCEL_QDA_ELEMENTWISE, "ELEMENTWISE"),
    (uapi::ACCEL_QDA_REDUCE, "REDUCE"),
    (uapi::ACCEL_QDA_CONVERT, "CONVERT"),
    (uapi::ACCEL_QDA_SEND, "SEND"),
    (uapi::ACCEL_QDA_RECEIVE, "RECEIVE"),
    (uapi::ACCEL_QDA_EXCHANGE, "EXCHANGE"),
];

/// How packets get to a card.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// By rings of user queues.
    Rings,
    /// By jobs, which links are closed to.
    Jobs,
}

impl Way {
    /// The opcodes that it takes.
    fn opcodes(self) -> &'static [(uapi::accel_qda_opcode, &'static str)] {
        match self {
            Way::Rings => &OPCODES,
            Way::Jobs => &OPCODES[..9],
        }
    }

    /// Whether it takes this packet.
    pub fn takes(self, vector: &Vector) -> bool {
        let mut opcodes = self.opcodes().iter();
        opcodes.any(|(opcode, _)| *opcode == vector.opcode())
    }
}

/// Results of tests.
pub struct Report {
    number: usize,
    failed: usize,
}

impl Report {
    /// Of both ways, and two results more.
    pub fn new() -> Self {
        let opcodes = [Way::Rings, Way::Jobs].map(|way| way.opcodes().len());
        println!("KTAP version 1\n1..{}", opcodes.iter().sum::<usize>() + 2);
        Report {
            number: 0,
            failed: 0,
        }
    }

    /// A result for each opcode that a way takes, of what these memories became.
    pub fn opcodes(&mut self, way: Way, memories: &[(&Memory, Vec<u8>)]) {
        for (opcode, name) in way.opcodes() {
            let (mut packets, mut wrong) = (0, 0);
            for (memory, got) in memories {
                let is_it = |vector: &Vector| vector.opcode() == *opcode;
                packets += memory.packets.iter().filter(|it| is_it(it)).count();
                for (vector, how) in memory.wrong(got, way) {
                    if is_it(vector) {
                        println!("# {}: {how}", vector.name);
                        wrong += 1;
                    }
                }
            }
            println!("# {packets} packets");
            self.result(&format!("{name}_by_{way:?}"), packets > 0 && wrong == 0);
        }
    }

    /// A result.
    pub fn result(&mut self, name: &str, is_good: bool) {
        self.number += 1;
        self.failed += usize::from(!is_good);
        let word = if is_good { "ok" } else { "not ok" };
        println!("{word} {} {name}", self.number);
    }

    /// A result that tells itself why it is not good.
    pub fn told(&mut self, name: &str, result: Result<()>) {
        if let Err(error) = &result {
            println!("# {error:#}");
        }
        self.result(name, result.is_ok());
    }

    /// Whether all were good.
    pub fn is_good(&self) -> bool {
        self.failed == 0
    }
}
