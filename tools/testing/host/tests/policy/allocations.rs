// SPDX-License-Identifier: GPL-2.0
//! What is done for each job allocates nothing, and needs no more steps for many clients.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use crate::run_queue::Priority;
use crate::schedule::{ClientSlot, QueueSlot, Schedule};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: All is done by the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: As for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: As for the caller, since `alloc()` is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn jobs_allocate_nothing() {
    const CLIENTS: usize = 64;
    let clients = vec![ClientSlot::VACANT; CLIENTS];
    let mut schedule = Schedule::new(2, clients, vec![QueueSlot::VACANT; 2 * CLIENTS]);
    let mut queues = Vec::new();
    for _ in 0..CLIENTS {
        let client = schedule.add_client().unwrap();
        queues.push(schedule.add_queue(client, Priority::Normal).unwrap());
        queues.push(schedule.add_queue(client, Priority::Realtime).unwrap());
    }
    let mut tickets = Vec::with_capacity(8);
    schedule.set_credits(0, 2);
    schedule.set_credits(1, 2);

    let before = ALLOCATIONS.get();
    for round in 0..1000u64 {
        schedule.wake(queues[round as usize * 5 % queues.len()], 1);
        while let Some(pick) = schedule.pick_any(round * 10_000) {
            tickets.push(pick.start((round % 3 == 0).then_some(1)));
        }
        if let Some(mut ticket) = tickets.pop() {
            schedule.charge(&mut ticket, round * 11);
            schedule.end(ticket, round * 7);
        }
        schedule.sleep(queues[round as usize * 3 % queues.len()]);
    }
    for queue in queues.drain(..) {
        schedule.remove_queue(queue);
    }
    assert_eq!(ALLOCATIONS.get(), before);
}
