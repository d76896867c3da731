// SPDX-License-Identifier: GPL-2.0
//! What the build makes of the command line: man pages that mandoc likes, completions that shells can read.

use std::path::Path;
use std::path::PathBuf;

use pages::judge;

fn share() -> PathBuf {
    Path::new(env!("OUT_DIR")).join("share")
}

#[test]
fn man_pages_are_what_man_expects() {
    assert_eq!(
        judge::man_pages(&share(), 1),
        [
            "accel-smi-events.1",
            "accel-smi-reset.1",
            "accel-smi-topo.1",
            "accel-smi.1"
        ]
    );
}

#[test]
fn completions_know_every_option() {
    let words = ["query-accel", "follow", "loop-ms", "ROW_REMAPPER", "topo"];
    judge::completions(&share(), "accel-smi", &words);
}
