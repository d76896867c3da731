// SPDX-License-Identifier: GPL-2.0

//! Nothing by itself: each file in `tests/` takes the logic it tests from the modules' own source files.
