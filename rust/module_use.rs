// SPDX-License-Identifier: GPL-2.0

//! Keeping a module in memory while its code may be called.
//!
//! Which module that is has to be said by a function that is compiled into it: `THIS_MODULE` is a
//! symbol that every module has, so in code that is generic, or inlined, it is that of whoever
//! uses the code.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use kernel::{
    bindings,
    prelude::*, //
};

/// A reference to a module.
///
/// # Invariants
///
/// We own one.
pub(crate) struct ModuleUse(&'static ThisModule);

impl ModuleUse {
    /// ENODEV: the module is being removed.
    pub(crate) fn new(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: The module of code that runs.
        match unsafe { bindings::try_module_get(module.as_ptr()) } {
            true => Ok(Self(module)),
            false => Err(ENODEV),
        }
    }
}

impl Drop for ModuleUse {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::module_put(self.0.as_ptr()) };
    }
}
