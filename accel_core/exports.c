// SPDX-License-Identifier: GPL-2.0
/*
 * Exports the Rust symbols that drivers use.
 */
#include <linux/export.h>

#define EXPORT_SYMBOL_RUST_GPL(sym) extern int sym; EXPORT_SYMBOL_GPL(sym)

#include "exports_generated.h"
#include "abi_generated.h"
