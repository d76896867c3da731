/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The trace events of accelerators: what happens to jobs, and resets.
 *
 * Documentation/userspace-api/tracing.rst promises names, fields and their meaning to users: add
 * fields at the end, and change none.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM accel

#if !defined(_ACCEL_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _ACCEL_EVENTS_H

#include <linux/tracepoint.h>
#include <linux/types.h>

#ifndef _ACCEL_TRACE_RECORDS
#define _ACCEL_TRACE_RECORDS

/* A job, and its status as it is at the event. */
struct accel_trace_job {
	u32 device;
	u32 queue;
	u64 client;
	u64 context;
	u64 job;
	u32 state;
	u32 engine;
	u32 error;
	u32 fault;
	u64 address;
	u64 submit_ns;
	u64 start_ns;
	u64 end_ns;
};

/* A reset that has ended. */
struct accel_trace_reset {
	u32 device;
	s32 engine;
	u32 error;
	u32 epoch;
	u64 resets;
};

#endif

DECLARE_EVENT_CLASS(accel_job,
		    TP_PROTO(const struct accel_trace_job *record),
		    TP_ARGS(record),
		    TP_STRUCT__entry(__field(u32, device)
				     __field(u32, queue)
				     __field(u64, client)
				     __field(u64, context)
				     __field(u64, job)
				     __field(u32, state)
				     __field(u32, engine)
				     __field(u32, error)
				     __field(u32, fault)
				     __field(u64, address)
				     __field(u64, submit_ns)
				     __field(u64, start_ns)
				     __field(u64, end_ns)),
		    TP_fast_assign(__entry->device = record->device;
				   __entry->queue = record->queue;
				   __entry->client = record->client;
				   __entry->context = record->context;
				   __entry->job = record->job;
				   __entry->state = record->state;
				   __entry->engine = record->engine;
				   __entry->error = record->error;
				   __entry->fault = record->fault;
				   __entry->address = record->address;
				   __entry->submit_ns = record->submit_ns;
				   __entry->start_ns = record->start_ns;
				   __entry->end_ns = record->end_ns;),
		    TP_printk("device=%u client=%llu queue=%u context=%llu job=%llu state=%u engine=%u error=%u fault=%u address=%llx submit_ns=%llu start_ns=%llu end_ns=%llu",
			      __entry->device, __entry->client, __entry->queue,
			      __entry->context, __entry->job, __entry->state,
			      __entry->engine, __entry->error, __entry->fault,
			      __entry->address, __entry->submit_ns, __entry->start_ns,
			      __entry->end_ns)
);

DEFINE_EVENT(accel_job, accel_job_submit,
	     TP_PROTO(const struct accel_trace_job *record),
	     TP_ARGS(record)
);

DEFINE_EVENT(accel_job, accel_job_run,
	     TP_PROTO(const struct accel_trace_job *record),
	     TP_ARGS(record)
);

DEFINE_EVENT(accel_job, accel_job_timeout,
	     TP_PROTO(const struct accel_trace_job *record),
	     TP_ARGS(record)
);

DEFINE_EVENT(accel_job, accel_job_done,
	     TP_PROTO(const struct accel_trace_job *record),
	     TP_ARGS(record)
);

TRACE_EVENT(accel_reset,
	    TP_PROTO(const struct accel_trace_reset *record),
	    TP_ARGS(record),
	    TP_STRUCT__entry(__field(u32, device)
			     __field(s32, engine)
			     __field(u32, error)
			     __field(u32, epoch)
			     __field(u64, resets)),
	    TP_fast_assign(__entry->device = record->device;
			   __entry->engine = record->engine;
			   __entry->error = record->error;
			   __entry->epoch = record->epoch;
			   __entry->resets = record->resets;),
	    TP_printk("device=%u engine=%d error=%u epoch=%u resets=%llu",
		      __entry->device, __entry->engine, __entry->error,
		      __entry->epoch, __entry->resets)
);

#endif

/* This must be outside the include guard. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE accel_events
#include <trace/define_trace.h>
