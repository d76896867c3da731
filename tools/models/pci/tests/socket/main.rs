// SPDX-License-Identifier: GPL-2.0
//! A test function behind a real socket.

mod bench;
mod function;
mod malformed;
mod peers;
