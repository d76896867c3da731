/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Compute accelerators: the interface common to all devices.
 *
 * Driver parts are in <accel/DRIVER_accel.h>.
 */
#ifndef _UAPI_ACCEL_ACCEL_H
#define _UAPI_ACCEL_ACCEL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Nodes
 *
 * Every device has two character devices that share the number N:
 *
 * - ``/dev/accel/accelN``, the compute node. Each open file is a client with
 *   buffers and jobs of its own.
 * - ``/dev/accel/monitorN``, the monitor node. It knows the INFO ioctl, events
 *   and poll(2) only, may be opened any number of times, and works while the
 *   compute node is busy, held exclusively or in reset.
 *
 * The monitor node also has events (&struct accel_event) to read(2).
 *
 * poll(2) on the monitor node reports EPOLLPRI when the health of the device
 * (&struct accel_info_status) changed since this file last read it, and
 * EPOLLHUP | EPOLLERR once the device is gone.
 *
 * N is not used again while anybody holds a file of the old device.
 */

/**
 * DOC: ioctl format
 *
 * Commands are ``_IOWR(ACCEL_IOCTL_TYPE, nr, struct)`` and the like. The kernel
 * looks a command up by type, direction and nr, and takes the size of the
 * caller's struct from the number. A struct shorter than the kernel's is
 * extended with zeroes (down to a documented minimum), a longer one is accepted
 * if everything beyond the kernel's size is zero. So old programs run on new
 * kernels and the reverse; a new field means what it always meant when it is 0.
 *
 * Results are written back to the first min(caller's, kernel's) bytes. They are
 * written back on failure too where the description of the command says so.
 *
 * nr 0x00-0x3f are common, 0x40-0x9f belong to the driver, 0xa0-0xdf to the
 * monitor node.
 *
 * All structs have the same layout for 32-bit and 64-bit callers, no implicit
 * padding, and a size that is a multiple of 8. Pointers are __u64.
 */

/**
 * DOC: errno
 *
 * The same errno means the same thing in every command:
 *
 * ============  =============================================================
 * ENOTTY        this node has no such command
 * E2BIG         the struct is longer than the kernel's and its tail is not 0,
 *               or a count or payload exceeds the documented maximum
 * EOPNOTSUPP    unknown flag, kind or placement
 * EINVAL        known, but a bad value; a struct below its minimum size;
 *               a reserved field that is not 0
 * EFAULT        bad pointer
 * ENOENT        no such handle, queue or job; a timeline was closed meanwhile
 * ENODEV        the device is gone
 * EBUSY         taken by someone else
 * EAGAIN        in reset or being scrubbed: try again
 * ENOSPC        out of device memory, or at its dmem limit
 * ENOMEM        out of host memory, or at RLIMIT_MEMLOCK
 * EDQUOT        a limit per client
 * EPERM         a capability is missing
 * EACCES        the mode of the file or of the buffer does not allow it
 * EINTR         a signal arrived during a wait (deadlines are absolute, so the
 *               call can simply be repeated)
 * ETIMEDOUT     the wait's own deadline passed; what it was for goes on
 * ETIME         the job was stopped by its timeout
 * ECANCELED     the job's own context was ended, or its client is banned
 * ENODATA       the job was innocent and lost to a reset
 * EIO           the job faulted
 * EOVERFLOW     the status of the job is no longer kept
 * ============  =============================================================
 */

/* Free in Documentation/userspace-api/ioctl/ioctl-number.rst of Linux 7.3. */
#define ACCEL_IOCTL_TYPE		0xA9

#define ACCEL_IOCTL_DRIVER_BASE		0x40
#define ACCEL_IOCTL_DRIVER_END		0xa0
#define ACCEL_IOCTL_MONITOR_BASE	0xa0
#define ACCEL_IOCTL_MONITOR_END		0xe0

/* ---- INFO ---------------------------------------------------------------- */

/**
 * enum accel_info_id - what ACCEL_IOCTL_INFO can answer
 * @ACCEL_INFO_LIST: array of &struct accel_info_kind, one for each kind
 * @ACCEL_INFO_DEVICE: &struct accel_info_device
 * @ACCEL_INFO_STATUS: &struct accel_info_status
 * @ACCEL_INFO_ENGINES: array of &struct accel_info_engine
 * @ACCEL_INFO_MEMORY: array of &struct accel_info_memory
 * @ACCEL_INFO_CLIENTS: &struct accel_info_clients
 * @ACCEL_INFO_CLIENT_MEMORY: array of &struct accel_info_client_memory; on the compute
 *                            node only
 * @ACCEL_INFO_CLIENT_ENGINES: array of &struct accel_info_client_engine; on the compute
 *                             node only
 * @ACCEL_INFO_LINKS: array of &struct accel_info_link; not of devices that never have
 *                    links to others
 * @ACCEL_INFO_SENSORS: array of &struct accel_info_sensor, as are all of the following, one
 *                      for each that the device has
 * @ACCEL_INFO_THROTTLE: array of &struct accel_info_throttle
 * @ACCEL_INFO_ERRORS: array of &struct accel_info_errors
 * @ACCEL_INFO_ROWS: array of &struct accel_info_row; not of devices that never retire rows
 * @ACCEL_INFO_SPARES: &struct accel_info_spares; likewise
 * @ACCEL_INFO_FIRMWARE: array of &struct accel_info_firmware
 * @ACCEL_INFO_CLIENT_LIST: array of &struct accel_info_client; on the monitor node only
 * @ACCEL_INFO_ERROR_LIMITS: &struct accel_info_error_limits; not of devices without
 *                           ACCEL_INFO_ERRORS
 * @ACCEL_INFO_ATTESTATION: kept for what a device says of itself and signs; no device
 *                          does yet, so it is EOPNOTSUPP
 * @ACCEL_INFO_SLEEP: &struct accel_info_sleep; not of devices without ACCEL_DEVICE_SLEEPS
 * @ACCEL_INFO_DRIVER_BASE: first kind that belongs to the driver
 */
enum accel_info_id {
	ACCEL_INFO_LIST		= 0,
	ACCEL_INFO_DEVICE	= 1,
	ACCEL_INFO_STATUS	= 2,
	ACCEL_INFO_ENGINES	= 3,
	ACCEL_INFO_MEMORY	= 4,
	ACCEL_INFO_CLIENTS	= 5,
	ACCEL_INFO_CLIENT_MEMORY = 6,
	ACCEL_INFO_CLIENT_ENGINES = 7,
	ACCEL_INFO_LINKS	= 8,
	ACCEL_INFO_SENSORS	= 9,
	ACCEL_INFO_THROTTLE	= 10,
	ACCEL_INFO_ERRORS	= 11,
	ACCEL_INFO_ROWS		= 12,
	ACCEL_INFO_SPARES	= 13,
	ACCEL_INFO_FIRMWARE	= 14,
	ACCEL_INFO_CLIENT_LIST	= 15,
	ACCEL_INFO_ERROR_LIMITS	= 16,
	ACCEL_INFO_ATTESTATION	= 17,
	ACCEL_INFO_SLEEP	= 18,
	ACCEL_INFO_DRIVER_BASE	= 0x8000,
};

/**
 * struct accel_info - ACCEL_IOCTL_INFO, ask about the device
 * @kind: in: &enum accel_info_id or a kind of the driver
 * @size: in: bytes at @data; out: bytes of the whole answer
 * @data: in: pointer to where the answer goes; not looked at if @size is 0
 * @flags: in: must be 0
 * @version: out: version of the kind, raised with each field that is added
 * @element_size: out: bytes of one element; equals @size unless an array
 * @reserved: must be 0
 *
 * The answer is cut at the caller's @size (an array at a whole element), and
 * nothing beyond the answer is written, so a caller sets its memory to 0 and
 * walks arrays with @element_size. Asking with @size 0 tells the size needed.
 *
 * Minimum size: up to and including @data.
 *
 * Errors: EOPNOTSUPP no such kind on this node, or a flag; EAGAIN the kind needs
 * an operational device and it is in reset; EPERM the kind is privileged;
 * EFAULT; EINVAL @reserved; ENODEV.
 */
struct accel_info {
	__u32 kind;
	__u32 size;
	__u64 data;
	__u32 flags;
	__u32 version;
	__u32 element_size;
	__u32 reserved;
};

/* When a kind can be answered. */
#define ACCEL_INFO_ALWAYS		1	/* also in reset */
#define ACCEL_INFO_OPERATIONAL		2	/* else EAGAIN */
#define ACCEL_INFO_CONTEXT		3	/* needs a context of the caller */

/* Whom a kind is answered. The opener of the file counts, not the caller. */
#define ACCEL_INFO_PUBLIC		0
#define ACCEL_INFO_PERFMON		1	/* CAP_PERFMON */
#define ACCEL_INFO_ADMIN		2	/* CAP_SYS_ADMIN */

/* On which nodes. */
#define ACCEL_INFO_ON_COMPUTE		(1 << 0)
#define ACCEL_INFO_ON_MONITOR		(1 << 1)

#define ACCEL_INFO_ARRAY		(1 << 0)

/**
 * struct accel_info_kind - one element of ACCEL_INFO_LIST
 * @kind: the kind
 * @version: its version
 * @size: bytes of its struct, or of one element if it is an array
 * @flags: ACCEL_INFO_ARRAY
 * @availability: ACCEL_INFO_ALWAYS, ACCEL_INFO_OPERATIONAL or ACCEL_INFO_CONTEXT
 * @privilege: ACCEL_INFO_PUBLIC, ACCEL_INFO_PERFMON or ACCEL_INFO_ADMIN
 * @nodes: mask of ACCEL_INFO_ON_COMPUTE and ACCEL_INFO_ON_MONITOR
 * @reserved: 0
 */
struct accel_info_kind {
	__u32 kind;
	__u32 version;
	__u32 size;
	__u32 flags;
	__u32 availability;
	__u32 privilege;
	__u32 nodes;
	__u32 reserved;
};

#define ACCEL_DEVICE_EXCLUSIVE		(1 << 0)	/* made for one client at a time */
#define ACCEL_DEVICE_ADDRESS_SPACES	(1 << 1)	/* has an MMU for its jobs */
#define ACCEL_DEVICE_USER_QUEUES	(1 << 2)	/* and doorbells */
#define ACCEL_DEVICE_PREPARED_JOBS	(1 << 3)	/* ACCEL_IOCTL_JOB_PREPARE */
#define ACCEL_DEVICE_SLEEPS		(1 << 4)	/* when nobody uses it */

/**
 * struct accel_info_device - who the device is; never changes
 * @name: product, for people: "Arm Ethos-U65-256"
 * @driver: name of the driver's module
 * @bus: name of the bus: "pci", "platform", "faux", ...
 * @address: name of the device on its bus: "0000:01:00.0"
 * @uuid: the same for the same device (or, without a serial number, for the
 *        same kind of device at the same place) at every boot
 * @index: N of the nodes
 * @core_version: version of the subsystem, major << 16 | minor
 * @driver_version: version of the driver, major << 16 | minor
 * @vendor: vendor id on the bus, 0 if it has none, as the following
 * @device: device id
 * @subsystem_vendor: subsystem vendor id
 * @subsystem_device: subsystem device id
 * @revision: revision id
 * @numa_node: NUMA node, -1 if unknown
 * @flags: what it can do: mask of ACCEL_DEVICE_*
 *
 * Strings end with a NUL.
 */
struct accel_info_device {
	char name[64];
	char driver[32];
	char bus[16];
	char address[48];
	__u8 uuid[16];
	__u32 index;
	__u32 core_version;
	__u32 driver_version;
	__u32 vendor;
	__u32 device;
	__u32 subsystem_vendor;
	__u32 subsystem_device;
	__u32 revision;
	__s32 numa_node;
	__u32 flags;
};

/**
 * enum accel_health - health of a device
 * @ACCEL_HEALTH_OPERATIONAL: takes jobs
 * @ACCEL_HEALTH_RESETTING: being reset; jobs wait
 * @ACCEL_HEALTH_WEDGED: no reset helped; jobs are refused until an administrator
 *                       resets or rebinds the device
 * @ACCEL_HEALTH_ISOLATED: it works, but gets no work: it found more errors in itself than
 *                         its administrator allows, or he wants that. Jobs that run come
 *                         to their end, others end with ECANCELED or are refused, until
 *                         he takes it back or rebinds the device
 */
enum accel_health {
	ACCEL_HEALTH_OPERATIONAL	= 1,
	ACCEL_HEALTH_RESETTING		= 2,
	ACCEL_HEALTH_WEDGED		= 3,
	ACCEL_HEALTH_ISOLATED		= 4,
};

/**
 * struct accel_info_status - how the device is
 * @health: &enum accel_health
 * @epoch: how often all of the device was reset, and worked afterwards
 * @since_ns: when @health last changed, CLOCK_MONOTONIC nanoseconds
 * @changes: how often @health changed since the device was registered
 * @resets: how many resets ended, well or not: of engines, of firmware, of all of
 *          the device
 *
 * Reading it rearms poll(2) on the monitor node.
 */
struct accel_info_status {
	__u32 health;
	__u32 epoch;
	__u64 since_ns;
	__u64 changes;
	__u64 resets;
};

/**
 * enum accel_engine_kind - what an engine is for
 * @ACCEL_ENGINE_COMPUTE: computes
 * @ACCEL_ENGINE_INFERENCE: runs neural networks
 * @ACCEL_ENGINE_COPY: moves data
 * @ACCEL_ENGINE_COLLECTIVE: talks to other devices
 */
enum accel_engine_kind {
	ACCEL_ENGINE_COMPUTE	= 1,
	ACCEL_ENGINE_INFERENCE	= 2,
	ACCEL_ENGINE_COPY	= 3,
	ACCEL_ENGINE_COLLECTIVE	= 4,
};

/**
 * struct accel_info_engine - one element of ACCEL_INFO_ENGINES
 * @name: name, unique in the device
 * @kind: &enum accel_engine_kind
 * @queued: jobs that wait for or run on the engine
 * @completed: jobs that ended well
 * @failed: jobs that ended otherwise
 * @busy_ns: time in which a job was on the engine, nanoseconds, up to now; it never
 *           goes back, whatever is reset. It stands still while the parameter
 *           "accounting" of the module accel_core is off
 * @user_ns: how long the engine has worked for user queues, nanoseconds, as the device
 *           counts it (usually when a packet ends); 0 if it does not. As @busy_ns. A
 *           device may execute packets of user queues while a job is on the engine:
 *           the sum of both may be more than the time that passed
 * @user_failed: user queues that failed
 * @timeout_ns: how long a job may take, nanoseconds, if its queue does not say less
 *
 * Without ACCEL_DEVICE_USER_QUEUES @user_ns and @user_failed say nothing.
 */
struct accel_info_engine {
	char name[32];
	__u32 kind;
	__u32 queued;
	__u64 completed;
	__u64 failed;
	__u64 busy_ns;
	__u64 user_ns;
	__u64 user_failed;
	__u64 timeout_ns;
};

/**
 * enum accel_memory_kind - where memory is
 * @ACCEL_MEMORY_SYSTEM: the host's
 * @ACCEL_MEMORY_DEVICE: the device's
 */
enum accel_memory_kind {
	ACCEL_MEMORY_SYSTEM	= 1,
	ACCEL_MEMORY_DEVICE	= 2,
};

#define ACCEL_MEMORY_SCATTERED		(1 << 0)	/* buffers may be in pieces */

/**
 * struct accel_info_memory - one element of ACCEL_INFO_MEMORY
 * @name: name of the region; "memory" is system memory
 * @kind: &enum accel_memory_kind
 * @flags: ACCEL_MEMORY_SCATTERED
 * @size: bytes it has, 0 if bounded by the host's memory only
 * @used: bytes that buffers of all clients take
 * @dirty: bytes that nobody uses but that are not overwritten yet: they will be
 *         free in a moment
 * @largest_free: bytes of the largest buffer in one piece that there is room for
 * @visible: bytes that CPUs can reach; they are the first ones
 * @page_size: bytes; sizes of buffers are rounded up to it
 *
 * The first element is system memory; of that, all but @name, @kind and @used
 * are 0. The others are the regions of the device's own memory.
 */
struct accel_info_memory {
	char name[32];
	__u32 kind;
	__u32 flags;
	__u64 size;
	__u64 used;
	__u64 dirty;
	__u64 largest_free;
	__u64 visible;
	__u64 page_size;
};

/**
 * enum accel_compute_mode - how many clients a device has at a time
 * @ACCEL_COMPUTE_SHARED: any number
 * @ACCEL_COMPUTE_EXCLUSIVE: one at most, who comes while it is there is refused (EBUSY)
 *
 * An administrator says so (sysfs attribute ``compute_mode``), if the device is not made
 * for one (ACCEL_DEVICE_EXCLUSIVE).
 */
enum accel_compute_mode {
	ACCEL_COMPUTE_SHARED	= 1,
	ACCEL_COMPUTE_EXCLUSIVE	= 2,
};

/**
 * struct accel_info_clients - who uses the device
 * @clients: files open on the compute node
 * @monitors: files open on the monitor node
 * @opens: times the compute node was opened
 * @monitor_opens: times the monitor node was opened
 * @refused: opens of the compute node that were refused because it was taken
 * @last_open_ns: when the compute node was last opened, CLOCK_MONOTONIC
 *                nanoseconds, 0 if never
 * @last_close_ns: when it was last closed, likewise
 * @mode: &enum accel_compute_mode
 * @reserved: 0
 */
struct accel_info_clients {
	__u32 clients;
	__u32 monitors;
	__u64 opens;
	__u64 monitor_opens;
	__u64 refused;
	__u64 last_open_ns;
	__u64 last_close_ns;
	__u32 mode;
	__u32 reserved;
};

/**
 * struct accel_info_client_memory - one element of ACCEL_INFO_CLIENT_MEMORY
 * @name: name of the region, as in ACCEL_INFO_MEMORY
 * @total: bytes of the buffers that have a handle in this file
 * @resident: of these, bytes that there is memory for
 * @shared: of these, bytes that others may use, too: exported or imported
 * @active: of these, bytes that jobs may be using: shared ones, while fences of those
 *          who use them are not signalled; others, while a job of this file is queued or
 *          runs
 * @purgeable: of these, bytes that the kernel may take
 *
 * The elements are those of ACCEL_INFO_MEMORY, in the same order. Memory for which
 * the file has several handles counts once. What was imported from other drivers
 * counts as system memory, wherever it is. fdinfo of the file shows the same.
 */
struct accel_info_client_memory {
	char name[32];
	__u64 total;
	__u64 resident;
	__u64 shared;
	__u64 active;
	__u64 purgeable;
};

/**
 * struct accel_info_client_engine - one element of ACCEL_INFO_CLIENT_ENGINES
 * @name: name of the engine, as in ACCEL_INFO_ENGINES
 * @busy_ns: how long the engine has worked for jobs of this file, nanoseconds, up to
 *           now; it never goes back, whatever is reset
 * @user_ns: how long it has worked for user queues of this file, as in
 *           &struct accel_info_engine
 * @jobs: jobs of this file that ended on it, well or not
 *
 * The elements are those of ACCEL_INFO_ENGINES, in the same order. Of several jobs
 * in flight on an engine the time is that of the one that was started first. So the
 * times of all clients add up to &accel_info_engine.busy_ns, those that are gone
 * included. fdinfo of the file shows the sum of @busy_ns and @user_ns, added up for
 * engines that are alike. All stand still while the parameter "accounting" of the
 * module accel_core is off.
 */
struct accel_info_client_engine {
	char name[32];
	__u64 busy_ns;
	__u64 user_ns;
	__u64 jobs;
};

/**
 * enum accel_link_state - how a link is
 * @ACCEL_LINK_DISABLED: turned off
 * @ACCEL_LINK_TRAINING: looks for the other side
 * @ACCEL_LINK_UP: carries data
 * @ACCEL_LINK_DOWN: lost; the device looks for the other side again
 */
enum accel_link_state {
	ACCEL_LINK_DISABLED	= 1,
	ACCEL_LINK_TRAINING	= 2,
	ACCEL_LINK_UP		= 3,
	ACCEL_LINK_DOWN		= 4,
};

#define ACCEL_LINK_PEER			(1 << 0)	/* the other side is known */

/**
 * struct accel_info_link - one element of ACCEL_INFO_LINKS
 * @state: &enum accel_link_state
 * @flags: ACCEL_LINK_PEER: @peer_uuid and @peer_link are valid; they are 0 otherwise
 * @peer_uuid: the device on the other side: &accel_info_device.uuid there, whichever
 *             machine it is in
 * @peer_link: which element of ACCEL_INFO_LINKS the link is there
 * @lanes: lanes in use; 0 unless up
 * @speed: bits per second in each direction; 0 unless up
 * @sent: bytes of data sent
 * @received: bytes of data received
 * @errors: frames that arrived damaged
 * @replays: frames that were sent again
 * @losses: how often it was up and was lost
 *
 * Links are numbered by their place in the array. Counters never go back while the device
 * is bound; what a link had counted since somebody asked last is lost when the device
 * begins anew.
 */
struct accel_info_link {
	__u32 state;
	__u32 flags;
	__u8 peer_uuid[16];
	__u32 peer_link;
	__u32 lanes;
	__u64 speed;
	__u64 sent;
	__u64 received;
	__u64 errors;
	__u64 replays;
	__u64 losses;
};

/**
 * enum accel_sensor_kind - what a sensor measures
 * @ACCEL_SENSOR_TEMPERATURE: temperature, millidegrees Celsius
 * @ACCEL_SENSOR_VOLTAGE: voltage, millivolts
 * @ACCEL_SENSOR_CURRENT: current, milliamperes
 * @ACCEL_SENSOR_POWER: power that the device takes, microwatts
 * @ACCEL_SENSOR_ENERGY: energy that it has taken, microjoules; never goes back, and is what
 *                       it was while the device cannot be asked
 * @ACCEL_SENSOR_FREQUENCY: a clock, hertz
 * @ACCEL_SENSOR_FAN: a fan, revolutions per minute
 *
 * Units are those of hwmon (Documentation/hwmon/sysfs-interface.rst).
 */
enum accel_sensor_kind {
	ACCEL_SENSOR_TEMPERATURE	= 1,
	ACCEL_SENSOR_VOLTAGE		= 2,
	ACCEL_SENSOR_CURRENT		= 3,
	ACCEL_SENSOR_POWER		= 4,
	ACCEL_SENSOR_ENERGY		= 5,
	ACCEL_SENSOR_FREQUENCY		= 6,
	ACCEL_SENSOR_FAN		= 7,
};

#define ACCEL_SENSOR_VALUE		(1 << 0)	/* value is valid */
#define ACCEL_SENSOR_HIGH		(1 << 1)	/* so is high */
#define ACCEL_SENSOR_CRITICAL		(1 << 2)	/* so is critical */

/**
 * struct accel_info_sensor - one element of ACCEL_INFO_SENSORS
 * @label: what it is at: "die"
 * @kind: &enum accel_sensor_kind
 * @flags: ACCEL_SENSOR_VALUE: it can be read now, as most cannot while the device sleeps
 *         or is reset; ACCEL_SENSOR_HIGH, ACCEL_SENSOR_CRITICAL
 * @value: what it measures
 * @high: from here on the device lowers its clocks; of a clock: the highest that there is
 * @critical: from here on it stops
 *
 * A value for which there is no flag is 0. hwmon of the device has the same, but for
 * clocks. Sensors are numbered by their place in the array.
 */
struct accel_info_sensor {
	char label[32];
	__u32 kind;
	__u32 flags;
	__s64 value;
	__s64 high;
	__s64 critical;
};

/**
 * enum accel_throttle_reason - why clocks are lowered
 * @ACCEL_THROTTLE_TEMPERATURE: something is hot
 * @ACCEL_THROTTLE_POWER: too much power
 * @ACCEL_THROTTLE_EXTERNAL: the machine asks for it
 * @ACCEL_THROTTLE_OTHER: as the name says
 */
enum accel_throttle_reason {
	ACCEL_THROTTLE_TEMPERATURE	= 1,
	ACCEL_THROTTLE_POWER		= 2,
	ACCEL_THROTTLE_EXTERNAL		= 3,
	ACCEL_THROTTLE_OTHER		= 4,
};

#define ACCEL_THROTTLE_ACTIVE		(1 << 0)	/* at the moment */

/**
 * struct accel_info_throttle - one element of ACCEL_INFO_THROTTLE: a reason why clocks
 *                              may be lowered
 * @name: which: "die"
 * @reason: &enum accel_throttle_reason
 * @flags: ACCEL_THROTTLE_ACTIVE
 * @count: how often it came
 * @time_ns: for how long it was there, nanoseconds, up to now
 *
 * Reason number N is bit N of what ACCEL_EVENT_THROTTLE tells. Counters never go back
 * while the device is registered.
 */
struct accel_info_throttle {
	char name[32];
	__u32 reason;
	__u32 flags;
	__u64 count;
	__u64 time_ns;
};

/**
 * enum accel_block_kind - what finds errors in itself
 * @ACCEL_BLOCK_MEMORY: the device's memory
 * @ACCEL_BLOCK_MMU: its MMU
 * @ACCEL_BLOCK_ENGINE: an engine
 * @ACCEL_BLOCK_QUEUES: what has its queues
 * @ACCEL_BLOCK_FIRMWARE: what firmware runs on
 * @ACCEL_BLOCK_BUS: the connection to the machine
 * @ACCEL_BLOCK_LINK: a link to another device
 * @ACCEL_BLOCK_OTHER: as the name says
 */
enum accel_block_kind {
	ACCEL_BLOCK_MEMORY	= 1,
	ACCEL_BLOCK_MMU		= 2,
	ACCEL_BLOCK_ENGINE	= 3,
	ACCEL_BLOCK_QUEUES	= 4,
	ACCEL_BLOCK_FIRMWARE	= 5,
	ACCEL_BLOCK_BUS		= 6,
	ACCEL_BLOCK_LINK	= 7,
	ACCEL_BLOCK_OTHER	= 8,
};

/**
 * struct accel_info_errors - one element of ACCEL_INFO_ERRORS: a block of the device that
 *                            finds errors in itself
 * @name: which: "memory", "copy0"
 * @kind: &enum accel_block_kind
 * @reserved: 0
 * @corrected: errors that did no harm
 * @uncorrected: others
 *
 * Block number N is the one that ACCEL_EVENT_ERROR tells of. Counters begin with the
 * power of the device, as far as it knows, survive resets, and never go back while it is
 * registered. While it cannot be asked they are what they were.
 */
struct accel_info_errors {
	char name[32];
	__u32 kind;
	__u32 reserved;
	__u64 corrected;
	__u64 uncorrected;
};

/**
 * struct accel_info_error_limits - how many errors the device may find in itself, in all
 *                                  blocks together
 * @period_s: for how long an error counts, seconds
 * @reserved: 0
 * @corrected_limit: how many may be corrected before an ACCEL_EVENT_LIMIT tells of it; 0:
 *                   any number
 * @uncorrected_limit: how many others there may be before the device is isolated
 *                     (ACCEL_HEALTH_ISOLATED); 0: any number
 * @corrected: how many were corrected of late; 0 without limit, as is the next one
 * @uncorrected: how many others there were of late
 *
 * An administrator sets the limits in sysfs. Errors are forgotten one by one, as many as
 * the limit in a period.
 */
struct accel_info_error_limits {
	__u32 period_s;
	__u32 reserved;
	__u32 corrected_limit;
	__u32 uncorrected_limit;
	__u32 corrected;
	__u32 uncorrected;
};

/**
 * enum accel_row_state - what becomes of a bad row
 * @ACCEL_ROW_PENDING: it will be replaced in the next reset of the device
 * @ACCEL_ROW_RETIRED: it was
 * @ACCEL_ROW_STUCK: it is used as it is: there is no spare left
 */
enum accel_row_state {
	ACCEL_ROW_PENDING	= 1,
	ACCEL_ROW_RETIRED	= 2,
	ACCEL_ROW_STUCK		= 3,
};

/**
 * enum accel_row_cause - why a row is bad
 * @ACCEL_ROW_UNCORRECTED: an error that could not be corrected
 * @ACCEL_ROW_CORRECTED: too many that could
 */
enum accel_row_cause {
	ACCEL_ROW_UNCORRECTED	= 1,
	ACCEL_ROW_CORRECTED	= 2,
};

/**
 * struct accel_info_row - one element of ACCEL_INFO_ROWS: a bad row of the device's memory
 * @address: where it is in its region, bytes
 * @region: which element of ACCEL_INFO_MEMORY that is
 * @state: &enum accel_row_state
 * @cause: &enum accel_row_cause
 * @reserved: 0
 *
 * The oldest one is first. Errors: EAGAIN the device cannot be asked at the moment.
 */
struct accel_info_row {
	__u64 address;
	__u32 region;
	__u32 state;
	__u32 cause;
	__u32 reserved;
};

/**
 * struct accel_info_spares - how much can still be repaired
 * @pending: rows that are ACCEL_ROW_PENDING
 * @retired: rows that are ACCEL_ROW_RETIRED
 * @stuck: rows that are ACCEL_ROW_STUCK
 * @spares: rows that are left to replace others
 *
 * Errors: EAGAIN the device cannot be asked at the moment.
 */
struct accel_info_spares {
	__u32 pending;
	__u32 retired;
	__u32 stuck;
	__u32 spares;
};

/* Flags of &struct accel_info_firmware. */
#define ACCEL_FIRMWARE_RUNNING		(1 << 0)	/* at the moment */
#define ACCEL_FIRMWARE_KNOWN		(1 << 1)	/* whether it runs can be said */

/**
 * struct accel_info_firmware - one element of ACCEL_INFO_FIRMWARE: something that runs on
 *                              the device
 * @name: which
 * @version: its version: "1.2.3"; empty if that is not known
 * @restarts: how often it died and was brought back
 * @flags: ACCEL_FIRMWARE_RUNNING, ACCEL_FIRMWARE_KNOWN
 * @reserved: 0
 *
 * While the device sleeps nobody knows whether it runs; the rest is what it was.
 */
struct accel_info_firmware {
	char name[32];
	char version[32];
	__u64 restarts;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct accel_info_client - one element of ACCEL_INFO_CLIENT_LIST: an open file of the
 *                            compute node
 * @client: a number that no other client has, as in events and fdinfo
 * @name: of the process that opened it
 * @pid: its number where the asking file was opened; 0 if it has none there
 * @user: who opened it, as who opened the asking file numbers users
 * @opened_ns: when, CLOCK_MONOTONIC nanoseconds
 * @busy_ns: how long engines have worked for its jobs: the sum of all engines', as in
 *           &struct accel_info_client_engine
 * @user_ns: likewise for its user queues
 * @jobs: jobs of it that ended, well or not
 * @failed: how often a job or a user queue of it failed
 * @system: bytes of system memory in buffers that it made, as long as they exist
 * @local: bytes of the device's memory, likewise
 *
 * Those of the user who opened the asking file; all, if he had CAP_PERFMON then.
 */
struct accel_info_client {
	__u64 client;
	char name[16];
	__s32 pid;
	__u32 user;
	__u64 opened_ns;
	__u64 busy_ns;
	__u64 user_ns;
	__u64 jobs;
	__u64 failed;
	__u64 system;
	__u64 local;
};

/**
 * struct accel_info_sleep - how the device sleeps, with the system or because nobody uses it
 * @since_ns: when it fell asleep, CLOCK_MONOTONIC nanoseconds; 0: it does not sleep, but may be
 *            about to, or wake up
 * @asleep_ns: how long it has slept since it was registered, this time too, but for the
 *             time for which the system slept, too
 * @count: how often it fell asleep, likewise
 *
 * Asking does not wake the device.
 */
struct accel_info_sleep {
	__u64 since_ns;
	__u64 asleep_ns;
	__u64 count;
};

#define ACCEL_IOCTL_INFO		_IOWR(ACCEL_IOCTL_TYPE, 0x00, struct accel_info)

/* ---- Buffers ------------------------------------------------------------- */

/**
 * enum accel_placement - where the memory of a buffer is
 * @ACCEL_PLACEMENT_DEFAULT: where the device can work with it
 * @ACCEL_PLACEMENT_SYSTEM: pages of system memory, scattered
 * @ACCEL_PLACEMENT_CONTIGUOUS: system memory that is contiguous for the device
 * @ACCEL_PLACEMENT_IMPORTED: where another driver put it; cannot be asked for
 * @ACCEL_PLACEMENT_DEVICE: a region of the device's own memory
 * @ACCEL_PLACEMENT_USER: memory of the program; cannot be asked for
 */
enum accel_placement {
	ACCEL_PLACEMENT_DEFAULT		= 0,
	ACCEL_PLACEMENT_SYSTEM		= 1,
	ACCEL_PLACEMENT_CONTIGUOUS	= 2,
	ACCEL_PLACEMENT_IMPORTED	= 3,
	ACCEL_PLACEMENT_DEVICE		= 4,
	ACCEL_PLACEMENT_USER		= 5,
};

/* What a buffer in a region of the device is to be like. */
#define ACCEL_CREATE_CONTIGUOUS		(1 << 0)	/* in one piece */
#define ACCEL_CREATE_VISIBLE		(1 << 1)	/* where CPUs reach it: for mmap(2) */

/*
 * CPUs gather what they write to system memory and do not keep what they read: for
 * what the CPU only writes, in order. Reading it is slow.
 */
#define ACCEL_CREATE_WRITE_COMBINED	(1 << 2)

/**
 * struct accel_buffer_create - ACCEL_IOCTL_BUFFER_CREATE, make a buffer
 * @size: in: bytes, at least 1; out: bytes it has, a multiple of the page size
 * @placement: in: &enum accel_placement; out: the placement chosen
 * @flags: in: with ACCEL_PLACEMENT_DEVICE: ACCEL_CREATE_CONTIGUOUS,
 *         ACCEL_CREATE_VISIBLE; else: ACCEL_CREATE_WRITE_COMBINED
 * @handle: out: name of the buffer in this file, never 0
 * @region: in: with ACCEL_PLACEMENT_DEVICE: which element of ACCEL_INFO_MEMORY
 *          it is to be in; else must be 0
 * @mmap_offset: out: offset for mmap(2) on this file
 *
 * The buffer is zeroed. It lives until its handle and its last mapping are gone
 * and no job uses it. mmap(2) needs MAP_SHARED and a range inside the buffer.
 * Mappings stay valid when the device goes away: with their contents, or, of
 * device memory, as one page of zeroes at every page, which keeps what is
 * written to it. mmap(2) of device memory that CPUs cannot reach fails with
 * EOPNOTSUPP; without ACCEL_CREATE_VISIBLE a buffer goes rather to where they
 * cannot.
 *
 * Device memory is zeroed when it is freed, which takes a moment: until then
 * EAGAIN says that there would be room.
 *
 * Errors: EINVAL @size 0 or too large to be rounded up, @region is no region of
 * the device; EOPNOTSUPP unknown placement or flag, a placement the device does
 * not have, or ACCEL_CREATE_VISIBLE in a region of which CPUs reach nothing;
 * ENOSPC the region has no room (in 64 pieces at most), or the dmem limit of the
 * caller's cgroup has not; EAGAIN; EDQUOT 524,287 buffers in the file; ENOMEM;
 * EINTR; EFAULT; ENODEV.
 */
struct accel_buffer_create {
	__u64 size;
	__u32 placement;
	__u32 flags;
	__u32 handle;
	__u32 region;
	__u64 mmap_offset;
};

/**
 * struct accel_buffer_close - ACCEL_IOCTL_BUFFER_CLOSE, give a handle back
 * @handle: in: the buffer
 * @flags: in: must be 0
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP; ENODEV.
 */
struct accel_buffer_close {
	__u32 handle;
	__u32 flags;
};

/**
 * struct accel_buffer_info - ACCEL_IOCTL_BUFFER_INFO, ask about a buffer
 * @handle: in: the buffer
 * @flags: in: must be 0
 * @size: out: bytes
 * @mmap_offset: out: offset for mmap(2) on this file
 * @placement: out: &enum accel_placement
 * @region: out: which element of ACCEL_INFO_MEMORY it is in
 *
 * Minimum size: up to and including @placement.
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP; ENODEV.
 */
struct accel_buffer_info {
	__u32 handle;
	__u32 flags;
	__u64 size;
	__u64 mmap_offset;
	__u32 placement;
	__u32 region;
};

/**
 * struct accel_buffer_export - ACCEL_IOCTL_BUFFER_EXPORT, share a buffer as dma-buf
 * @handle: in: the buffer
 * @flags: in: must be 0
 * @fd: out: a new file descriptor, close-on-exec, for reading and writing
 * @reserved: must be 0
 *
 * The memory lives until the last user of the dma-buf is gone, whatever happens
 * to the buffer, this file and, unless it is the device's own, the device. Device
 * memory is for other PCI devices that reach the device without a way through the
 * host bridge, and whose drivers can be told that it goes away. Exporting a buffer again gives the
 * same dma-buf for as long as the handle exists; exporting an imported buffer
 * gives the dma-buf that it came from.
 *
 * Minimum size: up to and including @fd.
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP a flag, or device memory that nobody
 * else can reach; EINVAL @reserved, or the buffer is not needed
 * (ACCEL_IOCTL_BUFFER_ADVISE); EMFILE; ENFILE; ENOMEM; EINTR; EFAULT;
 * ENODEV.
 */
struct accel_buffer_export {
	__u32 handle;
	__u32 flags;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct accel_buffer_import - ACCEL_IOCTL_BUFFER_IMPORT, use the memory of a dma-buf
 * @fd: in: a dma-buf of any driver
 * @flags: in: must be 0
 * @size: out: bytes
 * @mmap_offset: out: offset for mmap(2) on this file
 * @handle: out: name of the buffer in this file
 * @placement: out: &enum accel_placement: that of the buffer if the dma-buf was
 *             exported by this subsystem, else ACCEL_PLACEMENT_IMPORTED
 *
 * The descriptor may be closed afterwards. Each import makes a new handle.
 * DMA_BUF_IOCTL_SYNC on the dma-buf has to frame what the CPU does with imported
 * memory that is not coherent.
 *
 * Minimum size: up to and including @placement.
 *
 * Errors: EBADF @fd is not open; EINVAL it is no dma-buf, or its size is not a
 * multiple of the page size; EOPNOTSUPP a flag, or memory that the device cannot
 * reach (in one piece, where it needs that); EDQUOT as ACCEL_IOCTL_BUFFER_CREATE;
 * ENOMEM; EFAULT; ENODEV this device or that of the memory is gone; or what the
 * exporter says.
 */
struct accel_buffer_import {
	__s32 fd;
	__u32 flags;
	__u64 size;
	__u64 mmap_offset;
	__u32 handle;
	__u32 placement;
};

/* The device only reads: the memory need not be writable. */
#define ACCEL_BUFFER_PIN_READ_ONLY	(1 << 0)

/**
 * struct accel_buffer_pin - ACCEL_IOCTL_BUFFER_PIN, use memory of the program
 * @address: in: where it is, a multiple of the page size
 * @size: in: bytes, a multiple of the page size
 * @flags: in: ACCEL_BUFFER_PIN_READ_ONLY
 * @handle: out: name of the buffer in this file
 *
 * The buffer is made of the pages that are at @address now. It keeps them when
 * the program unmaps them or maps something else there. They count as locked
 * memory until the buffer is gone (RLIMIT_MEMLOCK). The buffer cannot be mapped
 * (EOPNOTSUPP): the program has its memory already. A read-only one cannot be
 * exported, nor named by a job that writes (EACCES).
 *
 * Errors: EINVAL not whole pages, or none; EOPNOTSUPP a flag, or memory that the
 * device cannot reach in one piece where it needs that; EFAULT not mapped for
 * reading, and writing, or memory that cannot be pinned, as pages of most files
 * on disks; EDQUOT as ACCEL_IOCTL_BUFFER_CREATE; ENOMEM or RLIMIT_MEMLOCK;
 * EINTR; ENODEV.
 */
struct accel_buffer_pin {
	__u64 address;
	__u64 size;
	__u32 flags;
	__u32 handle;
};

/* What the CPU is about to do, or has done. At least one of the first two. */
#define ACCEL_BUFFER_SYNC_READ		(1 << 0)
#define ACCEL_BUFFER_SYNC_WRITE		(1 << 1)
#define ACCEL_BUFFER_SYNC_END		(1 << 2)

/**
 * struct accel_buffer_sync - ACCEL_IOCTL_BUFFER_SYNC, frame what the CPU does
 * @handle: in: the buffer
 * @flags: in: ACCEL_BUFFER_SYNC_READ, ACCEL_BUFFER_SYNC_WRITE: what the CPU does;
 *         ACCEL_BUFFER_SYNC_END: it has done that, else it is about to
 *
 * Does for a buffer what DMA_BUF_IOCTL_SYNC does for a dma-buf; for a buffer that
 * was exported or imported it is the same, so it waits until nobody else writes
 * (or uses it, before the CPU writes). Jobs of this file need no such frame:
 * what was written before SUBMIT is seen by the job, and what the job wrote is
 * seen after WAIT.
 *
 * Errors: ENOENT no such handle; EINVAL neither READ nor WRITE; EOPNOTSUPP another
 * flag; EINTR; ENODEV; or what the exporter says.
 */
struct accel_buffer_sync {
	__u32 handle;
	__u32 flags;
};

/**
 * struct accel_buffer_label - ACCEL_IOCTL_BUFFER_LABEL, name a buffer for people
 * @handle: in: the buffer
 * @flags: in: must be 0
 * @label: in: printable ASCII that ends with a NUL; empty: no label
 *
 * The label is shown where buffers are listed for debugging.
 *
 * Errors: ENOENT no such handle; EINVAL no NUL, or not printable; EOPNOTSUPP a
 * flag; ENOMEM; ENODEV.
 */
struct accel_buffer_label {
	__u32 handle;
	__u32 flags;
	char label[48];
};

/**
 * enum accel_advice - what a program says of the contents of a buffer
 * @ACCEL_ADVICE_WILLNEED: they are needed, as they are at first
 * @ACCEL_ADVICE_DONTNEED: they may be lost
 */
enum accel_advice {
	ACCEL_ADVICE_WILLNEED	= 0,
	ACCEL_ADVICE_DONTNEED	= 1,
};

/**
 * struct accel_buffer_advise - ACCEL_IOCTL_BUFFER_ADVISE, say whether a buffer is needed
 * @handle: in: the buffer
 * @flags: in: must be 0
 * @advice: in: &enum accel_advice
 * @retained: out: 1: the contents are there; 0: the kernel took the memory
 *
 * When the system is short of memory, the kernel takes that of buffers that are not
 * needed, once the jobs that name them have ended and no address space maps any part
 * of them. A buffer whose memory was taken never gets any again: it can be closed
 * only. An access through a mapping of it is a SIGBUS.
 *
 * A buffer that is not needed cannot be named by a job, exported or mapped, also
 * not in an address space (EINVAL), until ACCEL_ADVICE_WILLNEED said that it is, and
 * answered that its contents are there. What is mapped already shows the contents
 * while they are.
 *
 * For buffers of system memory that was allocated for them, cached, and never
 * shared. If the answer cannot be written (EFAULT), the advice was taken all the
 * same.
 *
 * Errors: ENOENT no such handle; EINVAL no such advice; EOPNOTSUPP a flag, or
 * ACCEL_ADVICE_DONTNEED for device memory, memory of the program, imported or
 * write-combined memory; EBUSY ACCEL_ADVICE_DONTNEED for a buffer that was exported
 * or imported; EFAULT; ENOMEM; ENODEV.
 */
struct accel_buffer_advise {
	__u32 handle;
	__u32 flags;
	__u32 advice;
	__u32 retained;
};

#define ACCEL_IOCTL_BUFFER_CREATE	_IOWR(ACCEL_IOCTL_TYPE, 0x08, struct accel_buffer_create)
#define ACCEL_IOCTL_BUFFER_CLOSE	_IOW(ACCEL_IOCTL_TYPE, 0x09, struct accel_buffer_close)
#define ACCEL_IOCTL_BUFFER_INFO		_IOWR(ACCEL_IOCTL_TYPE, 0x0a, struct accel_buffer_info)
#define ACCEL_IOCTL_BUFFER_EXPORT	_IOWR(ACCEL_IOCTL_TYPE, 0x0b, struct accel_buffer_export)
#define ACCEL_IOCTL_BUFFER_IMPORT	_IOWR(ACCEL_IOCTL_TYPE, 0x0c, struct accel_buffer_import)
#define ACCEL_IOCTL_BUFFER_PIN		_IOWR(ACCEL_IOCTL_TYPE, 0x0d, struct accel_buffer_pin)
#define ACCEL_IOCTL_BUFFER_SYNC		_IOW(ACCEL_IOCTL_TYPE, 0x0e, struct accel_buffer_sync)
#define ACCEL_IOCTL_BUFFER_LABEL	_IOW(ACCEL_IOCTL_TYPE, 0x0f, struct accel_buffer_label)
#define ACCEL_IOCTL_BUFFER_ADVISE	_IOWR(ACCEL_IOCTL_TYPE, 0x21, struct accel_buffer_advise)

/* ---- Jobs ---------------------------------------------------------------- */

/* How many jobs one submission may have, and what one of them. */
#define ACCEL_SUBMIT_MAX_JOBS		64
#define ACCEL_SUBMIT_MAX_BUFFERS	1024
#define ACCEL_SUBMIT_MAX_POINTS		256

/*
 * The job may be run again from its start: it does not write what it reads, and
 * nobody else does meanwhile. If it is lost to a reset that others are guilty of, it
 * is run again instead of ending with ENODATA.
 */
#define ACCEL_SUBMIT_REPEATABLE		(1 << 0)

/* How a job uses a buffer. At least one of the first two. */
#define ACCEL_BUFFER_READ		(1 << 0)
#define ACCEL_BUFFER_WRITE		(1 << 1)
#define ACCEL_BUFFER_NO_SYNC		(1 << 2)	/* without implicit fences */

/**
 * struct accel_submit_buffer - a buffer that a job names
 * @handle: the buffer
 * @flags: ACCEL_BUFFER_READ, ACCEL_BUFFER_WRITE, ACCEL_BUFFER_NO_SYNC
 *
 * With a buffer that is shared (exported, or imported), a job waits for others
 * and they wait for it, by the fences of its dma-buf: a job that reads starts
 * after those who write have ended, a job that writes after all others. With
 * ACCEL_BUFFER_NO_SYNC it does not, and others do not: that is up to user space.
 * What the kernel itself does with the memory is waited for in any case. On
 * buffers that are not shared there are no such fences.
 */
struct accel_submit_buffer {
	__u32 handle;
	__u32 flags;
};

/* What a job has to do with a point of a timeline (&struct accel_point). */
#define ACCEL_POINT_WAIT		(1 << 0)
#define ACCEL_POINT_SIGNAL		(1 << 1)

/**
 * struct accel_submit_job - a job of a submission
 * @flags: in: ACCEL_SUBMIT_REPEATABLE
 * @prepared: in: the prepared job of the queue that this is; 0: none
 * @buffers: in: pointer to @nr_buffers &struct accel_submit_buffer; the driver's
 *           payload refers to them by their index. With @prepared to @nr_buffers
 *           &struct accel_job_replace
 * @nr_buffers: in: at most ACCEL_SUBMIT_MAX_BUFFERS; with @prepared at most as many as
 *              the prepared job has
 * @nr_points: in: at most ACCEL_SUBMIT_MAX_POINTS
 * @points: in: pointer to @nr_points &struct accel_point, each with one of the flags
 *          ACCEL_POINT_WAIT and ACCEL_POINT_SIGNAL
 * @payload: in: pointer to what the driver runs (<accel/DRIVER_accel.h>)
 * @payload_size: in: bytes at @payload; with @prepared 0
 * @reserved: in: must be 0
 * @job: out: number of the job, counts up from 1 in each queue
 *
 * The job starts when all points to wait for are done, and when it has ended, well
 * or not, the points to signal are: they are added by the submission. While a
 * point to wait for is not backed, not even added perhaps, the job is only kept: its
 * own points are not backed, the buffers it names have no fence of it, and those of
 * others on them are looked for when it goes on. If nobody can bring the point
 * about any more, as its timeline was closed, the job ends with ECANCELED; likewise
 * if an imported buffer was taken away meanwhile by the device it came from.
 *
 * Jobs of a queue run in the order of submission; one that waits for others
 * keeps back those behind it. The buffers stay alive until the job has ended,
 * whatever happens to their handles. A buffer may be named more than once: to
 * others the job uses it in all of the ways named.
 */
struct accel_submit_job {
	__u32 flags;
	__u32 prepared;
	__u64 buffers;
	__u32 nr_buffers;
	__u32 nr_points;
	__u64 points;
	__u64 payload;
	__u32 payload_size;
	__u32 reserved;
	__u64 job;
};

/**
 * struct accel_submit - ACCEL_IOCTL_SUBMIT, queue jobs
 * @queue: in: the queue; every file has queue 0
 * @flags: in: must be 0
 * @jobs: in: pointer to @nr_jobs &struct accel_submit_job
 * @nr_jobs: in: at least 1, at most ACCEL_SUBMIT_MAX_JOBS
 * @nr_submitted: out, on failure too: how many jobs were queued, @nr_jobs on success
 * @refused_reason: out, on EINVAL by the driver: its reason, 0 if it gave none
 * @refused_at: out, likewise: where in the payload, in units of the driver
 *
 * The jobs are queued one after the other, as by a call for each. The first one that
 * is refused ends that: those before it, @nr_submitted, are queued and stay so, it
 * and those behind it are not, and the call fails because of it. Other threads that
 * submit to the same queue may come in between.
 *
 * Who shares a buffer may keep it locked for a while. A signal during that wait is a
 * refusal like any other, EINTR, if jobs were queued before: then the call is not
 * restarted, not even with SA_RESTART, and what is left to submit is what is behind
 * the first @nr_submitted jobs.
 *
 * @nr_submitted and what follows is written on failure too. If a result cannot be
 * written (EFAULT), the job that it is of may have been queued all the same.
 *
 * Minimum size: up to and including @nr_submitted.
 *
 * Errors: ENOENT no such queue, buffer or timeline; EINVAL no job at all, the driver
 * refuses the payload, a buffer is used neither way, a point is neither waited for nor
 * signalled or both, is to be signalled and not after the last one of its timeline,
 * or is to be waited for, but added only after one to be signalled (the job would
 * wait for itself), a buffer is not needed (ACCEL_IOCTL_BUFFER_ADVISE), a reserved
 * field is not 0; E2BIG too many jobs, buffers or points, or too long a payload;
 * EOPNOTSUPP a flag, or a buffer that the device cannot reach (any more); EACCES the job writes
 * to a buffer not named for writing, or that is read-only; EDQUOT too many unfinished
 * jobs in the queue, kept ones included, ACCEL_CLIENT_JOBS_MAX, or ACCEL_TIMELINE_DEPTH;
 * ECANCELED the context was ended because its jobs hang, or the client is banned because
 * they do so again and again; EIO the device is wedged or
 * isolated; EINTR; EFAULT; ENOMEM; ENODEV.
 *
 * Of prepared jobs: ENOENT there is none; EBUSY it has not ended; EINVAL there is a payload,
 * too many buffers, no such place, or a buffer is smaller than the one that was checked or in
 * another kind of memory; EACCES it is read-only; EOPNOTSUPP the device cannot reach it.
 */
struct accel_submit {
	__u32 queue;
	__u32 flags;
	__u64 jobs;
	__u32 nr_jobs;
	__u32 nr_submitted;
	__u32 refused_reason;
	__u32 refused_at;
};

/* How many prepared jobs a queue may have. */
#define ACCEL_QUEUE_PREPARED_MAX	64

/**
 * struct accel_job_prepare - ACCEL_IOCTL_JOB_PREPARE, prepare a job
 * @queue: in: where it will be submitted
 * @flags: in: must be 0
 * @buffers: in: pointer to @nr_buffers &struct accel_submit_buffer
 * @nr_buffers: in: at most ACCEL_SUBMIT_MAX_BUFFERS
 * @payload_size: in: bytes at @payload
 * @payload: in: pointer to what the driver runs
 * @handle: out: name of the prepared job in its queue, never 0
 * @refused_reason: out, on failure too: as in &struct accel_submit
 * @refused_at: out, likewise
 * @reserved: in: must be 0
 *
 * The driver checks and keeps the payload: &accel_submit_job.prepared has it run, again
 * and again, without another look, and with other buffers in place of those named here.
 * One that takes the place of another does so until it is replaced itself, if the job
 * is queued; else nothing has changed. It must be at least as large as the one named
 * here, in the same kind of memory, and writable if that was named for writing; it is
 * used as that was to be.
 *
 * A prepared job is queued once at a time: until it has ended it cannot be queued again
 * (EBUSY). It keeps its buffers, whatever happens to their handles. It vanishes with its
 * queue.
 *
 * Minimum size: up to and including @handle.
 *
 * Errors: as ACCEL_IOCTL_SUBMIT; EOPNOTSUPP the device has no prepared jobs, too; EDQUOT
 * ACCEL_QUEUE_PREPARED_MAX.
 */
struct accel_job_prepare {
	__u32 queue;
	__u32 flags;
	__u64 buffers;
	__u32 nr_buffers;
	__u32 payload_size;
	__u64 payload;
	__u32 handle;
	__u32 refused_reason;
	__u32 refused_at;
	__u32 reserved;
};

/**
 * struct accel_job_replace - another buffer for a prepared job
 * @buffer: which one is replaced, its index in &accel_job_prepare.buffers
 * @handle: the buffer that takes its place
 *
 * If a place is named twice, the last one counts.
 */
struct accel_job_replace {
	__u32 buffer;
	__u32 handle;
};

/**
 * struct accel_job_release - ACCEL_IOCTL_JOB_RELEASE, give a prepared job back
 * @queue: in: its queue
 * @flags: in: must be 0
 * @handle: in: the prepared job
 * @reserved: in: must be 0
 *
 * If it is queued it goes on.
 *
 * Errors: ENOENT no such queue or handle; EOPNOTSUPP a flag; EINVAL @reserved; ENODEV.
 */
struct accel_job_release {
	__u32 queue;
	__u32 flags;
	__u32 handle;
	__u32 reserved;
};

/**
 * enum accel_job_state - where a job is
 * @ACCEL_JOB_QUEUED: waits for others, or for an engine
 * @ACCEL_JOB_RUNNING: on an engine
 * @ACCEL_JOB_DONE: ended; @error says how
 */
enum accel_job_state {
	ACCEL_JOB_QUEUED	= 1,
	ACCEL_JOB_RUNNING	= 2,
	ACCEL_JOB_DONE		= 3,
};

/**
 * enum accel_fault - why a job failed
 * @ACCEL_FAULT_NONE: it did not
 * @ACCEL_FAULT_TIMEOUT: did not end in time (ETIME)
 * @ACCEL_FAULT_COMMAND: the device did not understand a command (EIO)
 * @ACCEL_FAULT_BUS: an access to memory failed (EIO)
 * @ACCEL_FAULT_DEVICE: the device failed otherwise (EIO)
 * @ACCEL_FAULT_RESET: lost to a reset it did not cause (ENODATA)
 * @ACCEL_FAULT_GONE: the device went away (ENODEV)
 * @ACCEL_FAULT_CANCELED: its context was killed, nobody can bring about any more what
 *                        it waits for, or a buffer was taken away (ECANCELED)
 * @ACCEL_FAULT_NO_MEMORY: there was no memory to go on with it (ENOMEM)
 * @ACCEL_FAULT_PAGE: an address of its address space leads nowhere, or the job may
 *                    not do there what it wanted to (EIO)
 */
enum accel_fault {
	ACCEL_FAULT_NONE	= 0,
	ACCEL_FAULT_TIMEOUT	= 1,
	ACCEL_FAULT_COMMAND	= 2,
	ACCEL_FAULT_BUS		= 3,
	ACCEL_FAULT_DEVICE	= 4,
	ACCEL_FAULT_RESET	= 5,
	ACCEL_FAULT_GONE	= 6,
	ACCEL_FAULT_CANCELED	= 7,
	ACCEL_FAULT_NO_MEMORY	= 8,
	ACCEL_FAULT_PAGE	= 9,
};

/**
 * struct accel_job_status - how a job is, or how it ended
 * @state: &enum accel_job_state; 0 if nothing is known
 * @error: 0, or the errno (positive) the job ended with
 * @fault: &enum accel_fault
 * @engine: index of the engine in ACCEL_INFO_ENGINES
 * @fault_address: where it faulted, 0 if unknown; meaning as the driver says
 * @submit_ns: when it was submitted, CLOCK_MONOTONIC nanoseconds
 * @start_ns: when it was put on the engine, 0 if it never was
 * @end_ns: when it ended
 */
struct accel_job_status {
	__u32 state;
	__u32 error;
	__u32 fault;
	__u32 engine;
	__u64 fault_address;
	__u64 submit_ns;
	__u64 start_ns;
	__u64 end_ns;
};

/**
 * struct accel_wait - ACCEL_IOCTL_WAIT, wait for a job to end
 * @queue: in: the queue
 * @flags: in: must be 0
 * @job: in: number of the job
 * @deadline_ns: in: give up at this time, CLOCK_MONOTONIC nanoseconds; in the
 *               past: only look; INT64_MAX: never; negative: EINVAL
 * @status: out: the status of the job
 * @overwritten: out, on EOVERFLOW: how many statuses of the queue are no longer kept,
 *               those of the first jobs; else 0
 *
 * Succeeds if and only if the job ended well. If it ended otherwise, the call
 * fails with the errno of the job: ETIME, EIO, ENODATA, ECANCELED, ENOMEM, ENODEV.
 * @status is written in all these cases and on ETIMEDOUT; in all others, and
 * if @status.state is 0, the errno is about the call.
 *
 * Minimum size: up to and including @deadline_ns.
 *
 * Errors of the call: ENOENT no such queue or job; EOVERFLOW the status is no
 * longer kept; ETIMEDOUT; EINTR; EINVAL; EOPNOTSUPP; ENODEV.
 */
struct accel_wait {
	__u32 queue;
	__u32 flags;
	__u64 job;
	__s64 deadline_ns;
	struct accel_job_status status;
	__u64 overwritten;
};

/* How many ended jobs of a queue keep their status. */
#define ACCEL_QUEUE_HISTORY		256

/* How many jobs of a queue may be unfinished. */
#define ACCEL_QUEUE_DEPTH		256

#define ACCEL_IOCTL_SUBMIT		_IOWR(ACCEL_IOCTL_TYPE, 0x10, struct accel_submit)
#define ACCEL_IOCTL_WAIT		_IOWR(ACCEL_IOCTL_TYPE, 0x11, struct accel_wait)
#define ACCEL_IOCTL_JOB_PREPARE		_IOWR(ACCEL_IOCTL_TYPE, 0x16, struct accel_job_prepare)
#define ACCEL_IOCTL_JOB_RELEASE		_IOW(ACCEL_IOCTL_TYPE, 0x17, struct accel_job_release)

/* ---- Contexts and queues ------------------------------------------------- */

/* How many contexts and queues a file may have, besides context 0 and queue 0. */
#define ACCEL_CONTEXT_MAX		64
#define ACCEL_QUEUE_MAX			256

/* Unfinished jobs in all queues of a file, but for the first ones of each queue. */
#define ACCEL_CLIENT_JOBS_MAX		1024
#define ACCEL_QUEUE_FREE_JOBS		8

/**
 * struct accel_context_create - ACCEL_IOCTL_CONTEXT_CREATE, make a context
 * @flags: in: must be 0
 * @address_space: in: where its jobs work; 0: in none
 * @handle: out: name of the context in this file, never 0
 * @reserved: out: 0
 *
 * A context is what the queues in it have in common: where their jobs find memory.
 * Every file has context 0, which has no address space.
 *
 * Errors: ENOENT no such address space; EOPNOTSUPP a flag; EDQUOT
 * ACCEL_CONTEXT_MAX; ECANCELED the client is banned; EIO the device is isolated; EFAULT;
 * ENOMEM; ENODEV.
 */
struct accel_context_create {
	__u32 flags;
	__u32 address_space;
	__u32 handle;
	__u32 reserved;
};

/**
 * struct accel_context_destroy - ACCEL_IOCTL_CONTEXT_DESTROY, give a context back
 * @handle: in: the context
 * @flags: in: must be 0
 *
 * Queues in it, and its address space, stay as long as there are any.
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP a flag; ENODEV.
 */
struct accel_context_destroy {
	__u32 handle;
	__u32 flags;
};

/**
 * enum accel_priority - how much of the engines a queue gets, if others want them
 * @ACCEL_PRIORITY_NORMAL: as much as others
 * @ACCEL_PRIORITY_LOW: an eighth of that
 * @ACCEL_PRIORITY_HIGH: four times as much
 * @ACCEL_PRIORITY_REALTIME: what it wants, but for a twentieth of the time
 *
 * First the clients, that is files, share the engines, each weighed by the
 * priority of what it runs there, then the queues of each. Jobs that run are not
 * interrupted. That is so for jobs; between user queues the device decides, which may
 * serve none as long as there is one of a higher priority.
 *
 * The last two take from others: they need CAP_SYS_NICE (EPERM).
 */
enum accel_priority {
	ACCEL_PRIORITY_NORMAL	= 0,
	ACCEL_PRIORITY_LOW	= 1,
	ACCEL_PRIORITY_HIGH	= 2,
	ACCEL_PRIORITY_REALTIME	= 3,
};

/**
 * struct accel_queue_create - ACCEL_IOCTL_QUEUE_CREATE, make a queue
 * @flags: in: must be 0
 * @context: in: the context
 * @engine: in: index in ACCEL_INFO_ENGINES; jobs run there, or on an engine next to it
 *          of the same kind
 * @priority: in: &enum accel_priority
 * @payload: in: pointer to what the driver wants to know (<accel/DRIVER_accel.h>)
 * @timeout_ns: in: how long a job of the queue may take, nanoseconds, at most what the
 *              engine allows (&struct accel_info_engine), which is what 0 means
 * @payload_size: in: bytes at @payload
 * @handle: out: name of the queue in this file, never 0
 * @refused_reason: out, on EINVAL by the driver: its reason, 0 if it gave none
 * @refused_at: out, likewise: where in the payload, in units of the driver
 *
 * Jobs of a queue run in their order. Those of several queues of a file do not wait
 * for each other, unless points (&struct accel_point) or shared buffers say so: not
 * even if they use the same private buffers.
 *
 * Every file has queue 0: of context 0, for the first engine, of normal priority,
 * without payload and a time-out of its own.
 *
 * Minimum size: up to and including @handle.
 *
 * Errors: ENOENT no such context; EINVAL no such engine or priority, a longer time-out
 * than the engine's, the driver refuses the payload; EPERM a priority above normal
 * without CAP_SYS_NICE; E2BIG too long a payload; EDQUOT ACCEL_QUEUE_MAX; ECANCELED the
 * context was ended, or the client is banned; ENOSPC the device has no room for more
 * queues; EOPNOTSUPP a flag; EIO the device does not answer, or is isolated; EFAULT;
 * ENOMEM; ENODEV.
 */
struct accel_queue_create {
	__u32 flags;
	__u32 context;
	__u32 engine;
	__u32 priority;
	__u64 payload;
	__u64 timeout_ns;
	__u32 payload_size;
	__u32 handle;
	__u32 refused_reason;
	__u32 refused_at;
};

/**
 * struct accel_queue_destroy - ACCEL_IOCTL_QUEUE_DESTROY, give a queue back
 * @handle: in: the queue
 * @flags: in: must be 0
 *
 * Its jobs that wait end with ECANCELED. One that runs goes on, but nobody can wait
 * for it any more by its number: points and fences tell of its end.
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP a flag; ENODEV.
 */
struct accel_queue_destroy {
	__u32 handle;
	__u32 flags;
};

#define ACCEL_IOCTL_CONTEXT_CREATE	_IOWR(ACCEL_IOCTL_TYPE, 0x12, struct accel_context_create)
#define ACCEL_IOCTL_CONTEXT_DESTROY	_IOW(ACCEL_IOCTL_TYPE, 0x13, struct accel_context_destroy)
#define ACCEL_IOCTL_QUEUE_CREATE	_IOWR(ACCEL_IOCTL_TYPE, 0x14, struct accel_queue_create)
#define ACCEL_IOCTL_QUEUE_DESTROY	_IOW(ACCEL_IOCTL_TYPE, 0x15, struct accel_queue_destroy)

/* ---- Timelines ----------------------------------------------------------- */

/* How many timelines a file may have. */
#define ACCEL_TIMELINE_MAX		1024

/* How many points of a timeline may have been added and not be done. */
#define ACCEL_TIMELINE_DEPTH		1024

/* How many eventfds may wait for points of a timeline. */
#define ACCEL_TIMELINE_EVENTFDS		256

/* How many points one call may name. */
#define ACCEL_TIMELINE_MAX_POINTS	1024

/* Flags of ACCEL_IOCTL_TIMELINE_WAIT; the second one also of _EVENTFD. */
#define ACCEL_TIMELINE_ALL		(1 << 0)	/* not any one, but all */
#define ACCEL_TIMELINE_BACKED		(1 << 1)	/* backed is enough */

/**
 * struct accel_point - a point of a timeline
 * @handle: the timeline
 * @flags: must be 0, except in ACCEL_IOCTL_SUBMIT
 * @value: the point
 */
struct accel_point {
	__u32 handle;
	__u32 flags;
	__u64 value;
};

/**
 * struct accel_timeline_create - ACCEL_IOCTL_TIMELINE_CREATE, make a timeline
 * @value: in: where it begins
 * @flags: in: must be 0
 * @handle: out: name of the timeline in this file, never 0
 *
 * Errors: EOPNOTSUPP a flag; EDQUOT ACCEL_TIMELINE_MAX; ENOMEM; EFAULT; ENODEV.
 */
struct accel_timeline_create {
	__u64 value;
	__u32 flags;
	__u32 handle;
};

/**
 * struct accel_timeline_close - ACCEL_IOCTL_TIMELINE_CLOSE, give a handle back
 * @handle: in: the timeline
 * @flags: in: must be 0
 *
 * What backs its points goes on. Who waits for a point goes on waiting if one at
 * or after it was added, and fails with ENOENT if none was, as none will be.
 * Eventfds that wait are signalled at the latest when nobody else waits.
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP a flag; ENODEV.
 */
struct accel_timeline_close {
	__u32 handle;
	__u32 flags;
};

/**
 * struct accel_timeline_signal - ACCEL_IOCTL_TIMELINE_SIGNAL, add points that are done
 * @points: in: pointer to @nr_points &struct accel_point
 * @nr_points: in: 1 to ACCEL_TIMELINE_MAX_POINTS
 * @flags: in: must be 0
 *
 * Adds all of them or, if it fails, none.
 *
 * Errors: ENOENT no such timeline; EINVAL no point, or one that is not after the
 * last one of its timeline; E2BIG too many; EDQUOT ACCEL_TIMELINE_DEPTH;
 * EOPNOTSUPP a flag; EFAULT; ENOMEM; ENODEV.
 */
struct accel_timeline_signal {
	__u64 points;
	__u32 nr_points;
	__u32 flags;
};

/**
 * struct accel_timeline_query - ACCEL_IOCTL_TIMELINE_QUERY, ask how far a timeline is
 * @handle: in: the timeline
 * @flags: in: must be 0
 * @value: out: how far it has come: this point and all before it are done
 * @backed: out: how far it is backed: it will come there
 * @last: out: the last point that was added
 *
 * @value <= @backed <= @last. The first two never become less; @last does when a
 * job that was to bring the timeline there is refused.
 *
 * Errors: ENOENT no such timeline; EOPNOTSUPP a flag; EFAULT; ENODEV.
 */
struct accel_timeline_query {
	__u32 handle;
	__u32 flags;
	__u64 value;
	__u64 backed;
	__u64 last;
};

/**
 * struct accel_timeline_wait - ACCEL_IOCTL_TIMELINE_WAIT, wait for points
 * @points: in: pointer to @nr_points &struct accel_point
 * @nr_points: in: 1 to ACCEL_TIMELINE_MAX_POINTS
 * @flags: in: ACCEL_TIMELINE_ALL wait for all of them, else for any;
 *         ACCEL_TIMELINE_BACKED until they are backed, else until they are done
 * @deadline_ns: in: give up at this time, CLOCK_MONOTONIC nanoseconds; in the
 *               past: only look; INT64_MAX: never; negative: EINVAL
 * @first: out: with any: index of the first point that was found to be so
 * @reserved: must be 0
 *
 * Points that nobody has added yet may be waited for. A timeline that is closed
 * meanwhile is waited for nevertheless: see &struct accel_timeline_close. If that
 * makes it impossible that all, or any, of the points are reached: ENOENT.
 *
 * Minimum size: up to and including @first.
 *
 * Errors: ETIMEDOUT; EINTR; ENOENT no such timeline, or it was closed; EINVAL no
 * point, @deadline_ns, @reserved; E2BIG too many; EOPNOTSUPP a flag; EFAULT;
 * ENOMEM; ENODEV, at any time.
 */
struct accel_timeline_wait {
	__u64 points;
	__u32 nr_points;
	__u32 flags;
	__s64 deadline_ns;
	__u32 first;
	__u32 reserved;
};

/**
 * struct accel_timeline_transfer - ACCEL_IOCTL_TIMELINE_TRANSFER, make a point of a point
 * @source: in: a point that is backed
 * @destination: in: the point to be added, done as soon as @source is
 * @flags: in: must be 0
 * @reserved: must be 0
 *
 * Errors: ENOENT no such timeline; EINVAL @source is not backed, @destination is
 * not after the last point of its timeline, @reserved; EDQUOT
 * ACCEL_TIMELINE_DEPTH; EOPNOTSUPP a flag; EFAULT; ENOMEM; ENODEV.
 */
struct accel_timeline_transfer {
	struct accel_point source;
	struct accel_point destination;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct accel_timeline_export - ACCEL_IOCTL_TIMELINE_EXPORT, make a sync_file of a point
 * @point: in: a point that is backed
 * @flags: in: must be 0
 * @fd: out: a new file descriptor, close-on-exec
 *
 * The sync_file is independent of the timeline.
 *
 * Errors: ENOENT no such timeline; EINVAL the point is not backed; EOPNOTSUPP a
 * flag; EMFILE; ENFILE; EFAULT; ENOMEM; ENODEV.
 */
struct accel_timeline_export {
	struct accel_point point;
	__u32 flags;
	__s32 fd;
};

/**
 * struct accel_timeline_import - ACCEL_IOCTL_TIMELINE_IMPORT, make a point of a sync_file
 * @point: in: the point to be added, done when the sync_file is signalled, well or
 *         with an error
 * @flags: in: must be 0
 * @fd: in: a sync_file of any driver, which may be closed afterwards
 *
 * Errors: ENOENT no such timeline; EINVAL @fd is no sync_file, or the point is not
 * after the last one; EDQUOT ACCEL_TIMELINE_DEPTH; EOPNOTSUPP a flag; EFAULT;
 * ENOMEM; ENODEV.
 */
struct accel_timeline_import {
	struct accel_point point;
	__u32 flags;
	__s32 fd;
};

/**
 * struct accel_timeline_eventfd - ACCEL_IOCTL_TIMELINE_EVENTFD, have an eventfd signalled
 * @point: in: the point, which need not have been added yet
 * @flags: in: ACCEL_TIMELINE_BACKED when it is backed, else when it is done
 * @fd: in: an eventfd, which may be closed afterwards
 *
 * Adds 1 to the counter of the eventfd, once: at once if the point is so already.
 * Also if it never will be, as the timeline is closed or the device is gone.
 *
 * Errors: ENOENT no such timeline; EBADF @fd is not open; EINVAL it is no eventfd;
 * EDQUOT ACCEL_TIMELINE_EVENTFDS; EOPNOTSUPP a flag; EFAULT; ENOMEM; ENODEV.
 */
struct accel_timeline_eventfd {
	struct accel_point point;
	__u32 flags;
	__s32 fd;
};

#define ACCEL_IOCTL_TIMELINE_CREATE	_IOWR(ACCEL_IOCTL_TYPE, 0x18, struct accel_timeline_create)
#define ACCEL_IOCTL_TIMELINE_CLOSE	_IOW(ACCEL_IOCTL_TYPE, 0x19, struct accel_timeline_close)
#define ACCEL_IOCTL_TIMELINE_SIGNAL	_IOW(ACCEL_IOCTL_TYPE, 0x1a, struct accel_timeline_signal)
#define ACCEL_IOCTL_TIMELINE_QUERY	_IOWR(ACCEL_IOCTL_TYPE, 0x1b, struct accel_timeline_query)
#define ACCEL_IOCTL_TIMELINE_WAIT	_IOWR(ACCEL_IOCTL_TYPE, 0x1c, struct accel_timeline_wait)
#define ACCEL_IOCTL_TIMELINE_TRANSFER	_IOW(ACCEL_IOCTL_TYPE, 0x1d, struct accel_timeline_transfer)
#define ACCEL_IOCTL_TIMELINE_EXPORT	_IOWR(ACCEL_IOCTL_TYPE, 0x1e, struct accel_timeline_export)
#define ACCEL_IOCTL_TIMELINE_IMPORT	_IOW(ACCEL_IOCTL_TYPE, 0x1f, struct accel_timeline_import)
#define ACCEL_IOCTL_TIMELINE_EVENTFD	_IOW(ACCEL_IOCTL_TYPE, 0x20, struct accel_timeline_eventfd)

/* ---- Address spaces ------------------------------------------------------ */

/* How many address spaces a file may have. */
#define ACCEL_ADDRESS_SPACE_MAX		64

/* What jobs may do with what is mapped; with neither, nothing. */
#define ACCEL_MAP_READ			(1 << 0)
#define ACCEL_MAP_WRITE			(1 << 1)

#define ACCEL_MAP_FIXED			(1 << 2)	/* at this address, whatever is there */
#define ACCEL_MAP_SPARSE		(1 << 3)	/* zeroes, no buffer */
#define ACCEL_MAP_USER			(1 << 4)	/* memory of the process, no buffer */

/* Work in the address space can be suspended at any moment. */
#define ACCEL_ADDRESS_SPACE_PREEMPTIBLE	(1 << 0)

/**
 * DOC: Address spaces
 *
 * A device with an MMU sees memory at the addresses of an address space, in which
 * programs map buffers where they like. Jobs name the address space in the driver's
 * payload. A device without an MMU answers EOPNOTSUPP to all of these commands.
 *
 * Each command takes effect before it returns: page tables are written, and the
 * device has forgotten what it had cached of them. That goes for jobs that run, too:
 * what is unmapped is not reached any more, and a job that tries to ends with
 * ACCEL_FAULT_PAGE.
 *
 * If the device does not answer, commands fail with EIO. The space is out of step then: no
 * job can use it (ACCEL_FAULT_DEVICE) until a later command of MAP, UNMAP, PROTECT
 * has brought it in step, for which each of them tries first. What failed was not
 * done then.
 *
 * A preemptible address space (ACCEL_ADDRESS_SPACE_PREEMPTIBLE) has user queues only, no
 * queues of jobs. In it memory of the process itself can be mapped (ACCEL_MAP_USER), which
 * is not pinned, and stays the process's: the device works with what is there for the
 * process, whatever that does to it (munmap, madvise, mremap, fork, mprotect) and wherever the
 * kernel moves it or takes it for a while. For that all user queues of the address
 * space are suspended, for a short time, and go on with the packet they were to execute. Where
 * nothing is left for the process, or nothing that may be written, all of that mapping
 * leads nowhere (ACCEL_FAULT_PAGE), also if something is there again later: map it again.
 */

/**
 * struct accel_address_space_create - ACCEL_IOCTL_ADDRESS_SPACE_CREATE, make an address space
 * @flags: in: ACCEL_ADDRESS_SPACE_PREEMPTIBLE or 0
 * @handle: out: name of the address space in this file, never 0
 * @start: out: the first address that can be mapped
 * @size: out: bytes from there on
 * @page_sizes: out: the sizes of pages that the device has: powers of two, as the
 *              bits of a mask
 *
 * Page tables are in memory of the device.
 *
 * Errors: EOPNOTSUPP the device has no MMU, or, if it is to be preemptible, no user
 * queues, a flag; ENOSPC no device memory for page tables, the device has no more
 * spaces, or the dmem limit of the caller's cgroup; EAGAIN there will be memory, or a
 * part of the device is in reset; EIO the device does not do it; EDQUOT
 * ACCEL_ADDRESS_SPACE_MAX; ENOMEM; EFAULT; ENODEV.
 */
struct accel_address_space_create {
	__u32 flags;
	__u32 handle;
	__u64 start;
	__u64 size;
	__u64 page_sizes;
};

/**
 * struct accel_address_space_destroy - ACCEL_IOCTL_ADDRESS_SPACE_DESTROY, give a handle back
 * @handle: in: the address space
 * @flags: in: must be 0
 *
 * All is unmapped when the last job that uses the address space has ended.
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP no MMU, a flag; ENODEV.
 */
struct accel_address_space_destroy {
	__u32 handle;
	__u32 flags;
};

/**
 * struct accel_address_space_map - ACCEL_IOCTL_ADDRESS_SPACE_MAP, map a part of a buffer
 * @space: in: the address space
 * @flags: in: ACCEL_MAP_READ, ACCEL_MAP_WRITE, ACCEL_MAP_FIXED; ACCEL_MAP_SPARSE or
 *         ACCEL_MAP_USER
 * @buffer: in: the buffer; 0 with ACCEL_MAP_SPARSE and ACCEL_MAP_USER
 * @reserved: must be 0
 * @offset: in: where the part begins, bytes; 0 with ACCEL_MAP_SPARSE; the address for the process
 *          with ACCEL_MAP_USER
 * @size: in: bytes
 * @address: in: where it is to be; out: where it is
 *
 * @offset, @size and the address are multiples of the smallest page size. Without
 * ACCEL_MAP_FIXED @address is a hint: it is used if all of the range is free, else
 * and if it is 0 the kernel chooses, so that large pages are possible. With
 * ACCEL_MAP_FIXED the range takes the place of what was mapped there; the device may
 * find nothing there in between.
 *
 * Pages are as large as possible: where address and memory are both aligned, and
 * memory is contiguous.
 *
 * The memory of the buffer is kept while any part is mapped, also when its handle is
 * closed. With ACCEL_MAP_SPARSE jobs read zeroes and what they write is lost. Memory that
 * is mapped with ACCEL_MAP_USER must be readable for the process, with ACCEL_MAP_WRITE writable;
 * it is at most 1 GiB.
 *
 * Errors: ENOENT no such address space or buffer; EINVAL @size is 0, something is not a
 * multiple of the smallest page, or out of bounds of the buffer or of the address
 * space, @reserved, a buffer with ACCEL_MAP_SPARSE or ACCEL_MAP_USER, both of these, the
 * latter in a space that is not preemptible, or the buffer is not needed
 * (ACCEL_IOCTL_BUFFER_ADVISE); EOPNOTSUPP no MMU, a flag, or the device cannot reach
 * the memory, or the kernel has no HMM_MIRROR; E2BIG; EINTR a signal; EACCES the buffer
 * is read-only; ENOSPC no hole is large enough, no device memory for page tables, or a
 * dmem limit; EAGAIN there will be memory; EIO the device does not answer; ENOMEM; EFAULT,
 * also if the process has no such memory; ENODEV the device is gone, or who exported the
 * memory took it away. Unless it is EIO, or EFAULT with ACCEL_MAP_FIXED, nothing has
 * changed.
 */
struct accel_address_space_map {
	__u32 space;
	__u32 flags;
	__u32 buffer;
	__u32 reserved;
	__u64 offset;
	__u64 size;
	__u64 address;
};

/**
 * struct accel_address_space_unmap - ACCEL_IOCTL_ADDRESS_SPACE_UNMAP, unmap a range
 * @space: in: the address space
 * @flags: in: must be 0
 * @address: in: where the range begins, as the following a multiple of the smallest
 *           page size
 * @size: in: bytes
 *
 * Unmaps whatever is mapped in the range: parts of mappings, all of several, or
 * nothing. Buffers that are not mapped any more are let go.
 *
 * Errors: ENOENT no such address space; EINVAL the range is empty, not whole pages, or
 * out of bounds; EOPNOTSUPP no MMU, a flag; ENOSPC no device memory for the page
 * tables that remain, or a dmem limit; EAGAIN there will be; EIO the device does not
 * answer; ENOMEM; ENODEV.
 */
struct accel_address_space_unmap {
	__u32 space;
	__u32 flags;
	__u64 address;
	__u64 size;
};

/**
 * struct accel_address_space_protect - ACCEL_IOCTL_ADDRESS_SPACE_PROTECT, change what jobs may do
 * @space: in: the address space
 * @flags: in: ACCEL_MAP_READ, ACCEL_MAP_WRITE
 * @address: in: where the range begins, as the following a multiple of the smallest
 *           page size
 * @size: in: bytes
 *
 * Changes all that is mapped in the range; holes stay holes.
 *
 * Errors: as of ACCEL_IOCTL_ADDRESS_SPACE_UNMAP, and EACCES a buffer that is mapped
 * there is read-only.
 */
struct accel_address_space_protect {
	__u32 space;
	__u32 flags;
	__u64 address;
	__u64 size;
};

#define ACCEL_IOCTL_ADDRESS_SPACE_CREATE \
	_IOWR(ACCEL_IOCTL_TYPE, 0x28, struct accel_address_space_create)
#define ACCEL_IOCTL_ADDRESS_SPACE_DESTROY \
	_IOW(ACCEL_IOCTL_TYPE, 0x29, struct accel_address_space_destroy)
#define ACCEL_IOCTL_ADDRESS_SPACE_MAP \
	_IOWR(ACCEL_IOCTL_TYPE, 0x2a, struct accel_address_space_map)
#define ACCEL_IOCTL_ADDRESS_SPACE_UNMAP \
	_IOW(ACCEL_IOCTL_TYPE, 0x2b, struct accel_address_space_unmap)
#define ACCEL_IOCTL_ADDRESS_SPACE_PROTECT \
	_IOW(ACCEL_IOCTL_TYPE, 0x2c, struct accel_address_space_protect)

/* ---- Doorbells ----------------------------------------------------------- */

/* How many doorbells a file may have. */
#define ACCEL_DOORBELL_MAX		64

/**
 * struct accel_doorbell_create - ACCEL_IOCTL_DOORBELL_CREATE, take a doorbell
 * @flags: in: must be 0
 * @handle: out: name of the doorbell in this file, never 0
 * @mmap_offset: out: offset for mmap(2) on this file
 * @size: out: bytes that can be mapped there
 * @index: out: which of the device's doorbells it is
 * @reserved: out: 0
 *
 * A doorbell is a page of registers that its owner has for itself: a queue is told
 * of work by writing there, without a system call. What to write is the driver's
 * matter (<accel/DRIVER_accel.h>).
 *
 * Mappings are shared ones (MAP_SHARED), may be split, moved and inherited, and
 * cannot grow. When the handle is closed they give SIGBUS in all processes, before
 * anybody else gets the doorbell. When the device goes away they are memory without
 * meaning, and nobody gets a signal.
 *
 * Errors: EOPNOTSUPP the device has no doorbells, a flag; ENOSPC all are taken;
 * EDQUOT ACCEL_DOORBELL_MAX; ENOMEM; EFAULT; ENODEV.
 */
struct accel_doorbell_create {
	__u32 flags;
	__u32 handle;
	__u64 mmap_offset;
	__u64 size;
	__u32 index;
	__u32 reserved;
};

/**
 * struct accel_doorbell_close - ACCEL_IOCTL_DOORBELL_CLOSE, give a doorbell back
 * @handle: in: the doorbell
 * @flags: in: must be 0
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP the device has no doorbells, a flag;
 * ENODEV.
 */
struct accel_doorbell_close {
	__u32 handle;
	__u32 flags;
};

#define ACCEL_IOCTL_DOORBELL_CREATE	_IOWR(ACCEL_IOCTL_TYPE, 0x30, struct accel_doorbell_create)
#define ACCEL_IOCTL_DOORBELL_CLOSE	_IOW(ACCEL_IOCTL_TYPE, 0x31, struct accel_doorbell_close)

/* ---- User queues --------------------------------------------------------- */

/* How many user queues a file may have. */
#define ACCEL_USER_QUEUE_MAX		64

/**
 * struct accel_user_queue_create - ACCEL_IOCTL_USER_QUEUE_CREATE, make a user queue
 * @flags: in: must be 0
 * @context: in: a context with an address space
 * @engine: in: index in ACCEL_INFO_ENGINES: what serves the queue
 * @priority: in: &enum accel_priority; whose turn it is the device decides
 * @doorbell: in: the doorbell that rings it (&struct accel_doorbell_create)
 * @timeline: in: a timeline that is at 0 and has no points; 0: none
 * @payload: in: pointer to what the driver wants to know (<accel/DRIVER_accel.h>):
 *           above all where in the address space its memory is
 * @payload_size: in: bytes at @payload
 * @handle: out: name of the user queue in this file, never 0
 * @refused_reason: out, on EINVAL by the driver: its reason, 0 if it gave none
 * @refused_at: out, likewise: where in the payload, in units of the driver
 * @reserved: in: must be 0
 *
 * A user queue takes commands from memory, without a system call: write them, ring
 * the doorbell, and look in memory how far it is. They work in the address space of
 * the context. What is wrong with them harms nobody else.
 *
 * Who wants to sleep gives it a timeline. That comes to point N when N commands have
 * ended, and the device was asked to say so, as the driver documents; nobody else adds
 * points meanwhile (EBUSY). Like points that the CPU signals they are not backed by a
 * fence: a sync_file cannot have them, a job can wait for them. When the queue fails,
 * waits for more fail with the errno of that (ACCEL_IOCTL_USER_QUEUE_QUERY), and when
 * it is destroyed with ECANCELED.
 *
 * The doorbell, the context and the address space stay as long as the queue does; the
 * mappings of the doorbell end with its handle. A user queue does not time out: a
 * command that hangs its engine makes it fail, and counts against its client as a job
 * that hung. When the context is ended, or the client banned, its user queues fail with
 * ECANCELED.
 *
 * Errors: ENOENT no such context, doorbell or timeline; EINVAL the context has no
 * address space, no such engine or priority, the timeline is not at 0, the driver
 * refuses the payload; EBUSY the doorbell or the timeline is that of another queue; EPERM
 * a priority above normal without CAP_SYS_NICE; E2BIG too long a payload; EDQUOT
 * ACCEL_USER_QUEUE_MAX; ECANCELED the context was ended because its jobs hang, or the client
 * is banned because they or its user queues do; ENOSPC the device has no room for more
 * queues; EOPNOTSUPP the device has no user queues, a flag; EAGAIN in reset, or memory of the
 * process that is mapped in the address space is on its way; EIO the device does not answer,
 * or is isolated; EFAULT; ENOMEM; ENODEV.
 */
struct accel_user_queue_create {
	__u32 flags;
	__u32 context;
	__u32 engine;
	__u32 priority;
	__u32 doorbell;
	__u32 timeline;
	__u64 payload;
	__u32 payload_size;
	__u32 handle;
	__u32 refused_reason;
	__u32 refused_at;
	__u64 reserved;
};

/**
 * struct accel_user_queue_destroy - ACCEL_IOCTL_USER_QUEUE_DESTROY, give a user queue back
 * @handle: in: the user queue
 * @flags: in: must be 0
 *
 * What it has not done by then is not done. After this the device does not touch its
 * memory.
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP the device has no user queues, a flag;
 * ENODEV.
 */
struct accel_user_queue_destroy {
	__u32 handle;
	__u32 flags;
};

/**
 * enum accel_user_queue_state - how a user queue is
 * @ACCEL_USER_QUEUE_ACTIVE: it does what it is told to
 * @ACCEL_USER_QUEUE_FAILED: it has stopped for good: destroy it
 */
enum accel_user_queue_state {
	ACCEL_USER_QUEUE_ACTIVE	= 1,
	ACCEL_USER_QUEUE_FAILED	= 2,
};

/**
 * struct accel_user_queue_query - ACCEL_IOCTL_USER_QUEUE_QUERY, how is a user queue?
 * @handle: in: the user queue
 * @flags: in: must be 0
 * @state: out: &enum accel_user_queue_state
 * @error: out: 0, or the errno (positive) it failed with, as jobs do
 * @fault: out: &enum accel_fault, why it failed
 * @suspensions: out: how often it was suspended because something that is mapped in its
 *               address space was moved or taken away
 * @fault_address: out: where, 0 if unknown; meaning as the driver says
 *
 * Errors: ENOENT no such handle; EOPNOTSUPP the device has no user queues, a flag;
 * EFAULT; ENODEV.
 */
struct accel_user_queue_query {
	__u32 handle;
	__u32 flags;
	__u32 state;
	__u32 error;
	__u32 fault;
	__u32 suspensions;
	__u64 fault_address;
};

#define ACCEL_IOCTL_USER_QUEUE_CREATE \
	_IOWR(ACCEL_IOCTL_TYPE, 0x32, struct accel_user_queue_create)
#define ACCEL_IOCTL_USER_QUEUE_DESTROY \
	_IOW(ACCEL_IOCTL_TYPE, 0x33, struct accel_user_queue_destroy)
#define ACCEL_IOCTL_USER_QUEUE_QUERY \
	_IOWR(ACCEL_IOCTL_TYPE, 0x34, struct accel_user_queue_query)

/* ---- failures ---------------------------------------------------------------- */

/**
 * struct accel_failure_eventfd - ACCEL_IOCTL_FAILURE_EVENTFD, be woken when something fails
 * @fd: in: an eventfd(2), or -1: none any more
 * @flags: in: must be 0
 *
 * Each job of this file that fails, for whatever reason, and each user queue, adds 1 to
 * the eventfd's counter from now on: for programs that wait for what they need, and want
 * to know of the rest. Their status says what happened. A file has one; another one takes
 * its place. It works after a reset as before.
 *
 * Errors: EBADF @fd is not open; EINVAL it is no eventfd; EOPNOTSUPP a flag; ENODEV.
 */
struct accel_failure_eventfd {
	__s32 fd;
	__u32 flags;
};

#define ACCEL_IOCTL_FAILURE_EVENTFD \
	_IOW(ACCEL_IOCTL_TYPE, 0x38, struct accel_failure_eventfd)

/* ---- events of the monitor node -------------------------------------------- */

/**
 * enum accel_event_kind - what an event is about
 * @ACCEL_EVENT_DROPPED: events that this file has not read in time, of any kind: made for
 *                       each reader, it is in no filter. data[0]: how many
 * @ACCEL_EVENT_HEALTH: the health of the device changed. data[0]: &enum accel_health it
 *                      has now, data[1]: the one before
 * @ACCEL_EVENT_RESET: a reset ended: of the engine, or of all of the device. data[0]: 0,
 *                     or the errno (positive) of one that did not help, data[1]: the
 *                     epoch (&struct accel_info_status), data[2]: &enum accel_reset_reason
 * @ACCEL_EVENT_TIMEOUT: a job was overdue, and made no progress. data[0]: its number
 * @ACCEL_EVENT_FAULT: a job, or a user queue, failed. data[0]: &enum accel_fault, data[1]:
 *                     address of the fault, data[2]: number of the job, 0 for a user
 *                     queue
 * @ACCEL_EVENT_ERROR: the hardware found errors in itself, and corrected them
 *                     (ACCEL_SEVERITY_WARNING) or not. data[0]: which element of
 *                     ACCEL_INFO_ERRORS did, data[1]: address, data[2]: how many
 * @ACCEL_EVENT_THROTTLE: the reasons why clocks are lowered changed. data[0]: mask of
 *                        elements of ACCEL_INFO_THROTTLE
 * @ACCEL_EVENT_LINK: the state of a link changed. data[0]: index in ACCEL_INFO_LINKS,
 *                    data[1]: &enum accel_link_state
 * @ACCEL_EVENT_FIRMWARE: something happened to firmware. data[0]: 0 it works again, else
 *                        an error, as the driver says
 * @ACCEL_EVENT_CLIENT: a client came or went. data[0]: 1 it came, 0 it went. Only for its
 *                      own user, and for who had CAP_PERFMON when the file was opened
 * @ACCEL_EVENT_MEMORY: there was no room in the device's memory for a buffer. data[0]: which
 *                      element of ACCEL_INFO_MEMORY, data[1]: bytes that were wanted (0: the
 *                      reader must not know), data[2]: bytes that nobody uses. Not told
 *                      again of the same region for a second
 * @ACCEL_EVENT_LIMIT: the hardware found more errors in itself than its administrator
 *                     allows: corrected ones (ACCEL_SEVERITY_WARNING), or others, and is
 *                     isolated (ACCEL_SEVERITY_FATAL). data[0]: 0 corrected, 1 others,
 *                     data[1]: how many of late, data[2]: how many may be
 *
 * Numbers are below 64, so that a filter is a mask of them.
 */
enum accel_event_kind {
	ACCEL_EVENT_DROPPED	= 0,
	ACCEL_EVENT_HEALTH	= 1,
	ACCEL_EVENT_RESET	= 2,
	ACCEL_EVENT_TIMEOUT	= 3,
	ACCEL_EVENT_FAULT	= 4,
	ACCEL_EVENT_ERROR	= 5,
	ACCEL_EVENT_THROTTLE	= 6,
	ACCEL_EVENT_LINK	= 7,
	ACCEL_EVENT_FIRMWARE	= 8,
	ACCEL_EVENT_CLIENT	= 9,
	ACCEL_EVENT_MEMORY	= 10,
	ACCEL_EVENT_LIMIT	= 11,
};

/**
 * enum accel_reset_reason - why there was a reset
 * @ACCEL_RESET_JOB: a job, or a command of a user queue, hung, or left its engine in need
 *                   of it
 * @ACCEL_RESET_DEVICE: the device, or its firmware, was not well
 * @ACCEL_RESET_ADMINISTRATOR: an administrator wanted it
 * @ACCEL_RESET_WAKE: the device did not wake as it should, or has lost its power
 */
enum accel_reset_reason {
	ACCEL_RESET_JOB			= 1,
	ACCEL_RESET_DEVICE		= 2,
	ACCEL_RESET_ADMINISTRATOR	= 3,
	ACCEL_RESET_WAKE		= 4,
};

/**
 * enum accel_severity - how bad an event is
 * @ACCEL_SEVERITY_INFO: as it should be
 * @ACCEL_SEVERITY_WARNING: something to look at, nobody is hurt
 * @ACCEL_SEVERITY_ERROR: work of somebody was lost
 * @ACCEL_SEVERITY_FATAL: the device does not work
 */
enum accel_severity {
	ACCEL_SEVERITY_INFO	= 1,
	ACCEL_SEVERITY_WARNING	= 2,
	ACCEL_SEVERITY_ERROR	= 3,
	ACCEL_SEVERITY_FATAL	= 4,
};

/* The engine of an event that is about none. */
#define ACCEL_EVENT_NONE	0xffffffffU

/* How many events are kept for readers that come later or are slow. */
#define ACCEL_EVENTS_KEPT	256

/**
 * struct accel_event - what read(2) of the monitor node returns, as many as there is room
 *                      for
 * @sequence: number of the event on this device, from 1 on; those that a filter or a lack
 *            of privilege hides leave gaps. Of ACCEL_EVENT_DROPPED: of the first one that
 *            is missing
 * @time_ns: when, CLOCK_MONOTONIC nanoseconds
 * @kind: &enum accel_event_kind
 * @severity: &enum accel_severity
 * @engine: index in ACCEL_INFO_ENGINES, or ACCEL_EVENT_NONE
 * @queue: the queue of the client that it is about, as in trace events; ACCEL_EVENT_NONE:
 *         none, or a user queue
 * @client: the client that it is about, as in trace events; 0: none, or the reader must not
 *          know it: then there is no @queue, @context and @data, either, but for what
 *          ACCEL_EVENT_MEMORY says of the device
 * @context: a number that the context of the queue has, and no other one; 0: it is about
 *           none
 * @data: as @kind says; 0 what it does not mention
 *
 * Each file reads at its own pace, and begins with the oldest event that is kept: the
 * last ACCEL_EVENTS_KEPT are, across resets. poll(2) reports EPOLLIN when there is one
 * to read.
 *
 * read(2) blocks until there is one, with O_NONBLOCK it is EAGAIN; it returns 0 when the
 * device is gone and all was read. Errors: EINVAL there is no room for one event;
 * EFAULT, nothing is lost then; EINTR.
 */
struct accel_event {
	__u64 sequence;
	__u64 time_ns;
	__u32 kind;
	__u32 severity;
	__u32 engine;
	__u32 queue;
	__u64 client;
	__u64 context;
	__u64 data[3];
};

/**
 * struct accel_event_filter - ACCEL_IOCTL_EVENT_FILTER, which events does this file read?
 * @kinds: in: mask of 1 << &enum accel_event_kind
 * @severity: in: the least &enum accel_severity, 0 for all
 * @flags: in: must be 0
 *
 * At first it reads all. It is about what the file has not come to yet.
 *
 * Errors: EOPNOTSUPP a kind that is not there, a flag; EINVAL unknown severity; EFAULT;
 * ENODEV.
 */
struct accel_event_filter {
	__u64 kinds;
	__u32 severity;
	__u32 flags;
};

#define ACCEL_IOCTL_EVENT_FILTER	_IOW(ACCEL_IOCTL_TYPE, 0xa0, struct accel_event_filter)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_ACCEL_ACCEL_H */
