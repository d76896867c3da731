// SPDX-License-Identifier: GPL-2.0
//! What the build makes of the command line: a man page that mandoc likes, completions that shells can read.

use std::path::Path;
use std::path::PathBuf;

use pages::judge;

fn share() -> PathBuf {
    Path::new(env!("OUT_DIR")).join("share")
}

#[test]
fn the_man_page_is_what_man_expects() {
    assert_eq!(judge::man_pages(&share(), 1), ["accel-top.1"]);
}

#[test]
fn completions_know_every_option() {
    let words = ["delay", "batch", "iterations", "ascii", "command"];
    judge::completions(&share(), "accel-top", &words);
}
