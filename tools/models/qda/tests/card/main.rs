// SPDX-License-Identifier: GPL-2.0
//! A card and a mock guest that uses nothing but its BARs.

mod boot;
mod fabric;
mod hostile;
mod links;
mod machine;
mod peer;
mod queues;
mod ras;
mod tensor;
