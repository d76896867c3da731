# SPDX-License-Identifier: GPL-2.0-only
# Kbuild: what all directories of the subsystem share. Include it after setting accel-top, the top of
# the subsystem relative to $(src) and $(obj) (".", "../..").

accel-syms := ACCEL_CORE ACCEL_MOCK ACCEL_ETHOSU ACCEL_QDA ACCEL_FAKE ACCEL_MEMCARD

# Out of tree (make M=) everything is a module, whatever the kernel's .config says about an in-tree
# copy; ACCEL_X=n leaves X out.
accel-cfg = $(if $(KBUILD_EXTMOD),$(if $(filter n,$($(1))),,m),$(CONFIG_$(1)))

ifneq ($(KBUILD_EXTMOD),)
# What .config would have defined.
accel-on     := $(foreach s,$(accel-syms),$(if $(call accel-cfg,$(s)),$(s)))
ccflags-y    += $(foreach s,$(accel-on),-DCONFIG_$(s)_MODULE=1)
rustflags-y  += $(foreach s,$(accel-on),--cfg=CONFIG_$(s) --cfg='CONFIG_$(s)="m"')
endif

# Crates that a driver uses.
accel-crates = -L $(obj)/$(accel-top)/rust -L $(obj)/$(accel-top)/accel_core \
	--extern kernel_ext --extern accel_core

# bindgen with the flags of the kernel's own bindings crate, into code that has
# `use kernel::bindings::*;`. $(1): parameters.
accel-bindgen-c-flags = $(filter-out $(CC_FLAGS_LTO) -mno-fp-ret-in-387 \
	-mpreferred-stack-boundary=% -mskip-rax-setup -mindirect-branch=thunk-extern \
	-mindirect-branch-register -mindirect-branch-cs-prefix -mfunction-return=thunk-extern \
	-mrecord-mcount -fconserve-stack -falign-jumps=% -falign-loops=% -fno-ipa-cp-clone \
	-fno-ipa-sra -fno-partial-inlining -fno-reorder-blocks -fno-allow-store-data-races \
	-fzero-call-used-regs=% -fno-stack-clash-protection -fno-inline-functions-called-once \
	-fsanitize=bounds-strict -fstrict-flex-arrays=% -fmin-function-alignment=% \
	-fzero-init-padding-bits=% --param=% --param asan-%, $(c_flags)) \
	$(if $(CONFIG_CC_IS_CLANG),,-w --target=x86_64-linux-gnu) -fno-builtin -D__BINDGEN__ -DMODULE

accel-bindgen = $(BINDGEN) $< \
	$(shell grep -Ev '^\#|^$$' $(srctree)/rust/bindgen_parameters) $(1) \
	--rust-target 1.85 --use-core --with-derive-default --ctypes-prefix ::kernel::ffi \
	--no-layout-tests --no-debug '.*' --enable-function-attribute-detection \
	--no-recursive-allowlist -o $@ -- $(accel-bindgen-c-flags)

# A uAPI header as Rust, with nothing of the headers it includes.
accel-uapi-parameters = --allowlist-file '.*/$(notdir $<)' --no-prepend-enum-name \
	--with-derive-custom-struct 'accel_.*=Clone,Copy,FromBytes,IntoBytes,Immutable,KnownLayout'
quiet_cmd_accel_uapi = BINDGEN $@
      cmd_accel_uapi = $(call accel-bindgen,$(accel-uapi-parameters))
