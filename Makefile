# SPDX-License-Identifier: GPL-2.0
# Front door for people; the kernel's build system reads Kbuild.

help:
	@echo 'make demo           set up everything, run and train real networks through /dev/accel'
	@echo 'make test           set up everything, run every test'
	@echo 'make test-long      the same, with the long ones'
	@echo 'make bench          count instructions against a peer'
	@echo 'make check          formatting, lints, layering, interface, documentation'
	@echo 'make modules        build the modules for the debug kernel'
	@echo 'make install        install the tools that are built, below DESTDIR'
	@echo 'make vm             boot the release kernel to a shell that has our modules and programs'
	@echo 'make kdoc           documentation of the kernel crates, as HTML'
	@echo 'make rust-analyzer  rust-project.json for the kernel crates'
	@echo 'make clean          remove what was built here; the cache stays'
	@echo
	@echo 'KERNEL=NAME         the kernel of the demo: release, debug or builtin (our code in it, =y)'
	@echo 'KDIR=PATH           a kernel tree of your own'
	@echo 'ACCEL_ROOT=PATH     a root (/ for this system) with a toolchain of your own'
	@echo 'ACCEL_CACHE=PATH    where builds are kept (~/.cache/accel)'

demo:
	scripts/demo $(KERNEL)

test:
	scripts/test

test-long:
	scripts/test --long

bench:
	scripts/bench

check:
	scripts/check

modules:
	scripts/setup/run debug
	scripts/build-modules debug

install:
	scripts/install

vm:
	scripts/setup/run release
	scripts/build-programs
	scripts/build-modules release
	scripts/vm shell demo

kdoc:
	scripts/kdoc

rust-analyzer:
	scripts/rust-analyzer

clean:
	rm -rf build

.PHONY: help demo test test-long bench check modules install vm kdoc rust-analyzer clean
.NOTPARALLEL:
