// SPDX-License-Identifier: GPL-2.0
//! Links: not there yet.
#![allow(missing_docs)]
use crate::card::*;
use crate::engine::*;
use crate::packet::*;
use crate::registers::Value;
use crate::status::*;
#[derive(Debug, Default)]
pub struct Link;
impl Link {
    pub fn reset_counters(&mut self) {}
}
#[derive(Debug, Default)]
pub struct Halves;
impl Halves {
    pub fn may_send(&self) -> bool {
        true
    }
}
pub enum Bye {
    Reset,
    Silent,
}
pub enum Loss {
    Errors,
    Signal,
}
pub fn check(_p: &Packet, _l: u8) -> Option<Result<(), Failure>> {
    None
}
impl Card {
    pub(crate) fn link_register(&self, _s: &State, _o: u64) -> Option<Value> {
        None
    }
    pub(crate) fn write_link(&self, _s: &mut State, _o: u64, _d: &[u8]) {}
    pub(crate) fn say_bye(&self, _s: &mut State, _b: Bye) {}
    pub(crate) fn reset_links(&self, _s: &mut State) {}
    pub(crate) fn cut_links(&self, _s: &mut State) {}
    pub(crate) fn run_links(&self, _s: &mut State) -> u64 {
        u64::MAX
    }
    pub(crate) fn lose_link(&self, _s: &mut State, _l: usize, _w: Loss) {}
    pub(crate) fn post(&self, _s: &mut State, _n: usize) -> bool {
        false
    }
    pub(crate) fn withdraw(&self, _s: &mut State, _n: usize) -> bool {
        true
    }
    pub(crate) fn abandon_messages(&self, _s: &mut State, _n: usize, _u: &Underway) {}
    pub(crate) fn reset_messages(&self, _s: &mut State) {}
}
impl Work {
    pub(crate) fn send(&self, _c: &Card) -> Result<(), Stop> {
        Ok(())
    }
}
