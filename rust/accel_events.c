// SPDX-License-Identifier: GPL-2.0
/* The tracepoints, for the Rust of this module and of drivers. */
#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "accel_events.h"

#ifdef CONFIG_TRACEPOINTS
EXPORT_TRACEPOINT_SYMBOL_GPL(accel_job_submit);
EXPORT_TRACEPOINT_SYMBOL_GPL(accel_job_run);
EXPORT_TRACEPOINT_SYMBOL_GPL(accel_job_timeout);
EXPORT_TRACEPOINT_SYMBOL_GPL(accel_job_done);
EXPORT_TRACEPOINT_SYMBOL_GPL(accel_reset);
EXPORT_SYMBOL_GPL(rust_do_trace_accel_job_submit);
EXPORT_SYMBOL_GPL(rust_do_trace_accel_job_run);
EXPORT_SYMBOL_GPL(rust_do_trace_accel_job_timeout);
EXPORT_SYMBOL_GPL(rust_do_trace_accel_job_done);
EXPORT_SYMBOL_GPL(rust_do_trace_accel_reset);
#endif
