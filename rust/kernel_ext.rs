// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate of Linux 7.3 lacks for an accelerator subsystem.
//!
//! The inner of the three rings (`Documentation/architecture.rst`): everything here wraps one C
//! concept, knows nothing of accelerators, and is written so that it could be sent upstream as
//! `rust/kernel/<file>.rs`. Nearly all `unsafe` of the project is in this crate.

#![deny(unsafe_op_in_unsafe_fn)]

pub mod accounting;
pub mod aperture;
pub mod bindings;
pub mod bound;
pub mod chrdev;
mod chrdev_file;
pub mod coredump;
pub mod device;
pub mod dma;
pub mod dma_buf;
pub mod dma_buf_attachment;
pub mod dma_buf_exporter;
pub mod dma_buf_peer;
pub mod dma_fence;
pub mod dma_fence_callback;
pub mod dma_fence_context;
mod dma_fence_queue;
pub mod dma_fence_unwrap;
pub mod dma_fence_watch;
pub mod dma_resv;
pub mod dma_resv_many;
pub mod dmem;
pub mod eventfd;
pub mod faux;
pub mod hwmon;
pub mod ida;
pub mod io_pages;
pub mod irq;
pub mod irq_work;
pub mod maple_tree;
pub(crate) mod mapped;
pub mod mirror;
pub mod module_static;
pub(crate) mod module_use;
pub mod pages;
mod pages_gate;
pub mod pages_map;
pub mod pages_purge;
pub mod pci;
pub mod pid;
pub mod power;
pub mod random;
pub mod seqlock;
pub mod sg_table;
pub mod shrinker;
mod static_key;
pub mod sync_file;
pub mod sysfs;
pub mod task;
pub mod time;
pub mod trace;
pub mod tracker;
pub mod uaccess;
pub mod user_mappings;
pub mod user_pages;
pub mod workqueue;
