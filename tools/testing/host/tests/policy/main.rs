// SPDX-License-Identifier: GPL-2.0
//! Properties of the scheduling policy, with a clock of its own.

#[path = "../../../../../accel_core/logic/bandwidth.rs"]
mod bandwidth;
#[path = "../../../../../accel_core/logic/fifo.rs"]
mod fifo;
#[path = "../../../../../accel_core/logic/gate.rs"]
mod gate;
#[path = "../../../../../accel_core/logic/offence.rs"]
mod offence;
#[path = "../../../../../accel_core/logic/ready.rs"]
mod ready;
#[path = "../../../../../accel_core/logic/recovery.rs"]
mod recovery;
#[path = "../../../../../accel_core/logic/run_queue.rs"]
mod run_queue;
#[path = "../../../../../accel_core/logic/schedule.rs"]
mod schedule;
#[path = "../../../../../accel_core/logic/slots.rs"]
mod slots;
#[path = "../../../../../accel_core/logic/tournament.rs"]
mod tournament;

mod allocations;
mod fairness;
mod jobs;
mod ladder;
mod model;
mod simulation;
mod structures;
