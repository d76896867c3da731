// SPDX-License-Identifier: GPL-2.0

//! Registers (Documentation/devices/qda/registers.rst and the chapters that it names).

use kernel::io::register;

/// Bytes of the register block.
pub(crate) const SIZE: usize = 0x10000;

/// What every register of a card reads as that is gone, or is being reset.
pub(crate) const GONE: u32 = !0;

/// ID: the letters "QDA1".
pub(crate) const QDA1: u32 = 0x3141_4451;

/// The most engines, queues and links that registers are for.
pub(crate) const MAX_ENGINES: usize = 8;
/// As above.
pub(crate) const MAX_QUEUES: usize = 256;
/// As above.
pub(crate) const MAX_LINKS: u32 = 8;

// Capabilities.
register! {
    /// What it is; all-ones only if the card is gone.
    pub(crate) ID(u32) @ 0x000 { 31:0 value; }
    /// Revision of the specification.
    pub(crate) VERSION(u32) @ 0x004 {
        31:16 major;
        15:0 minor;
    }
    /// UUID, bytes in the order of RFC 9562.
    pub(crate) UUID(u64)[2] @ 0x008 { 63:0 value; }
    /// Bytes of device memory.
    pub(crate) MEM_SIZE(u64) @ 0x018 { 63:0 value; }
    /// Bytes of it in BAR 2.
    pub(crate) MEM_VISIBLE(u64) @ 0x020 { 63:0 value; }
    /// From here on it is the firmware's.
    pub(crate) MEM_RESERVED(u64) @ 0x028 { 63:0 value; }
    pub(crate) ENGINES(u32) @ 0x030 { 31:0 value; }
    pub(crate) QUEUES(u32) @ 0x034 { 31:0 value; }
    pub(crate) ASIDS(u32) @ 0x038 { 31:0 value; }
    pub(crate) LINKS(u32) @ 0x03c { 31:0 value; }
    pub(crate) SENSORS(u32) @ 0x040 { 31:0 value; }
    pub(crate) RAS_BLOCKS(u32) @ 0x044 { 31:0 value; }
    pub(crate) VECTORS(u32) @ 0x048 { 31:0 value; }
    /// log2 of the packets of the largest ring.
    pub(crate) RING_ORDER_MAX(u32) @ 0x04c { 31:0 value; }
    pub(crate) LIMIT_BYTES(u32) @ 0x050 { 31:0 value; }
    pub(crate) LIMIT_MACS(u32) @ 0x054 { 31:0 value; }
    pub(crate) LIMIT_ELEMENTS(u32) @ 0x058 { 31:0 value; }
    pub(crate) LIMIT_MESSAGE(u32) @ 0x05c { 31:0 value; }
    /// Milliseconds.
    pub(crate) PACKET_TIME(u32) @ 0x060 { 31:0 value; }
    /// Page sizes of the MMU, each a bit.
    pub(crate) PAGE_SIZES(u32) @ 0x070 { 31:0 value; }
    pub(crate) VA_BITS(u32) @ 0x074 { 31:0 value; }
    pub(crate) ADDRESS_BITS(u32) @ 0x078 { 31:0 value; }
}

// Device.
register! {
    pub(crate) DEVICE_STATE(u32) @ 0x100 { 31:0 value; }
    pub(crate) DEVICE_REASON(u32) @ 0x104 { 31:0 value; }
    pub(crate) DEVICE_RESET(u32) @ 0x108 { 31:0 value; }
    pub(crate) STRAY_DOORBELLS(u32) @ 0x118 { 31:0 value; }
}

/// DEVICE_STATE: no firmware runs that can answer.
pub(crate) const DEVICE_IDLE: u32 = 1;
/// DEVICE_STATE: engines have stopped.
pub(crate) const DEVICE_FAILED: u32 = 4;
/// DEVICE_RESET: all of it.
pub(crate) const RESET_DEVICE: u32 = 1;
/// DEVICE_RESET: the management processor.
pub(crate) const RESET_FIRMWARE: u32 = 2;

// Firmware.
register! {
    pub(crate) FW_STATE(u32) @ 0x200 { 31:0 value; }
    /// Why it failed or crashed.
    pub(crate) FW_ERROR(u32) @ 0x204 { 31:0 value; }
    /// Location of the image.
    pub(crate) FW_ADDRESS(u64) @ 0x208 { 63:0 value; }
    /// Bytes of the image.
    pub(crate) FW_SIZE(u32) @ 0x210 { 31:0 value; }
    pub(crate) FW_CONTROL(u32) @ 0x214 { 31:0 value; }
    pub(crate) FW_VERSION(u32) @ 0x218 { 31:0 value; }
    pub(crate) FW_API(u32) @ 0x21c {
        31:16 major;
        15:0 minor;
    }
    pub(crate) FW_HEARTBEAT(u32) @ 0x220 { 31:0 value; }
    /// Bytes written to the log.
    pub(crate) FW_LOG_HEAD(u32) @ 0x228 { 31:0 value; }
    /// Bytes of the crash window.
    pub(crate) FW_CRASH(u32) @ 0x22c { 31:0 value; }
    /// The log, a ring of text.
    pub(crate) FW_LOG(u64)[512] @ 0x4000 { 63:0 value; }
    /// What firmware left when it crashed.
    pub(crate) CRASH(u64)[512] @ 0x5000 { 63:0 value; }
}

/// FW_STATE: waits for START.
pub(crate) const FW_ROM_READY: u32 = 1;
/// FW_STATE: answers the mailbox.
pub(crate) const FW_RUNNING: u32 = 5;
/// FW_STATE: the image was refused.
pub(crate) const FW_FAILED: u32 = 6;
/// FW_STATE: it died.
pub(crate) const FW_CRASHED: u32 = 7;
/// FW_STATE: waits for WAKE.
pub(crate) const FW_SLEEPING: u32 = 8;
/// FW_CONTROL: load the image.
pub(crate) const FW_START: u32 = 1;
/// FW_CONTROL: go on after sleep.
pub(crate) const FW_WAKE: u32 = 2;
/// The log is a ring of so many bytes.
pub(crate) const FW_LOG_BYTES: u32 = 4096;
/// The crash window has so many bytes.
pub(crate) const CRASH_BYTES: u32 = 4096;

// Mailbox.
register! {
    pub(crate) MB_REQUEST(u64)[8] @ 0x300 { 63:0 value; }
    pub(crate) MB_REPLY(u64)[8] @ 0x340 { 63:0 value; }
    pub(crate) MB_CONTROL(u32) @ 0x380 {
        0:0 busy => bool;
    }
}

// Invalidation of translations.
register! {
    pub(crate) INV_ADDRESS(u64) @ 0x400 { 63:0 value; }
    /// Bytes; 0: all addresses.
    pub(crate) INV_SIZE(u64) @ 0x408 { 63:0 value; }
    pub(crate) INV_COMMAND(u32) @ 0x410 {
        31:31 busy => bool;
        15:0 asid;
    }
}

/// The event rings.
pub(crate) const RINGS: usize = 2;

// Event rings: of faults, of everything else.
register! {
    /// Location of the ring.
    pub(crate) EV_BASE(u64)[RINGS, stride = 0x40] @ 0x500 { 63:0 value; }
    /// log2 of its records.
    pub(crate) EV_ORDER(u32)[RINGS, stride = 0x40] @ 0x508 { 31:0 value; }
    pub(crate) EV_ENABLE(u32)[RINGS, stride = 0x40] @ 0x50c { 31:0 value; }
    /// Index of the next record to be written.
    pub(crate) EV_HEAD(u64)[RINGS, stride = 0x40] @ 0x510 { 63:0 value; }
    /// Index of the next record that we read.
    pub(crate) EV_TAIL(u64)[RINGS, stride = 0x40] @ 0x518 { 63:0 value; }
    /// Records that were lost.
    pub(crate) EV_DROPPED(u32)[RINGS, stride = 0x40] @ 0x520 { 31:0 value; }
}

// Engines.
register! {
    pub(crate) E_KIND(u32)[MAX_ENGINES, stride = 0x100] @ 0x1000 { 31:0 value; }
    pub(crate) E_STATUS(u32)[MAX_ENGINES, stride = 0x100] @ 0x1004 {
        /// The queue, while busy.
        31:16 queue;
        /// A reset did not help.
        2:2 failed => bool;
        1:1 resetting => bool;
        0:0 busy => bool;
    }
    pub(crate) E_CONTROL(u32)[MAX_ENGINES, stride = 0x100] @ 0x1008 { 31:0 value; }
    /// While busy the time since when a packet occupies it.
    pub(crate) E_START(u64)[MAX_ENGINES, stride = 0x100] @ 0x1018 { 63:0 value; }
    /// Counts work.
    pub(crate) E_PROGRESS(u64)[MAX_ENGINES, stride = 0x100] @ 0x1020 { 63:0 value; }
    /// Packets that ended well.
    pub(crate) E_PACKETS(u64)[MAX_ENGINES, stride = 0x100] @ 0x1030 { 63:0 value; }
    /// A bit for each queue that has something to say.
    pub(crate) QPENDING0(u64)[MAX_ENGINES, stride = 0x100] @ 0x1040 { 63:0 value; }
    /// Queues 64 to 127.
    pub(crate) QPENDING1(u64)[MAX_ENGINES, stride = 0x100] @ 0x1048 { 63:0 value; }
    /// Queues 128 to 191.
    pub(crate) QPENDING2(u64)[MAX_ENGINES, stride = 0x100] @ 0x1050 { 63:0 value; }
    /// Queues 192 to 255.
    pub(crate) QPENDING3(u64)[MAX_ENGINES, stride = 0x100] @ 0x1058 { 63:0 value; }
}

/// E_CONTROL: engine reset.
pub(crate) const E_RESET: u32 = 1;

// Links.
register! {
    pub(crate) L_STATE(u32)[MAX_LINKS as usize, stride = 0x100] @ 0x2000 { 31:0 value; }
    pub(crate) L_CONTROL(u32)[MAX_LINKS as usize, stride = 0x100] @ 0x2004 { 31:0 value; }
    /// While up, number of the link on the other card.
    pub(crate) L_PEER_LINK(u32)[MAX_LINKS as usize, stride = 0x100] @ 0x200c { 31:0 value; }
    /// While up, UUID of the other card.
    pub(crate) L_PEER_UUID0(u64)[MAX_LINKS as usize, stride = 0x100] @ 0x2010 { 63:0 value; }
    /// Its second half.
    pub(crate) L_PEER_UUID1(u64)[MAX_LINKS as usize, stride = 0x100] @ 0x2018 { 63:0 value; }
    /// Mbit/s.
    pub(crate) L_SPEED(u32)[MAX_LINKS as usize, stride = 0x100] @ 0x2020 { 31:0 value; }
    /// Lanes.
    pub(crate) L_WIDTH(u32)[MAX_LINKS as usize, stride = 0x100] @ 0x2024 { 31:0 value; }
    pub(crate) L_TX_BYTES(u64)[MAX_LINKS as usize, stride = 0x100] @ 0x2028 { 63:0 value; }
    pub(crate) L_RX_BYTES(u64)[MAX_LINKS as usize, stride = 0x100] @ 0x2030 { 63:0 value; }
    /// Damaged frames.
    pub(crate) L_CRC(u64)[MAX_LINKS as usize, stride = 0x100] @ 0x2038 { 63:0 value; }
    /// Frames sent again.
    pub(crate) L_REPLAYS(u64)[MAX_LINKS as usize, stride = 0x100] @ 0x2040 { 63:0 value; }
    /// How often it was up no longer.
    pub(crate) L_DOWNS(u64)[MAX_LINKS as usize, stride = 0x100] @ 0x2048 { 63:0 value; }
}

/// As many sensors and RAS blocks as there can be.
const MAX_SENSORS: usize = 16;
/// As above.
pub(crate) const MAX_RAS_BLOCKS: usize = 16;

// Sensors, power.
register! {
    /// Why clocks are lowered, a bit each.
    pub(crate) THROTTLE(u32) @ 0x600 { 31:0 value; }
    /// Microjoules.
    pub(crate) ENERGY(u64) @ 0x610 { 63:0 value; }
    pub(crate) S_KIND(u32)[MAX_SENSORS, stride = 0x20] @ 0x800 { 31:0 value; }
    pub(crate) S_STATE(u32)[MAX_SENSORS, stride = 0x20] @ 0x804 {
        0:0 valid => bool;
    }
    pub(crate) S_VALUE(u32)[MAX_SENSORS, stride = 0x20] @ 0x808 { 31:0 value; }
    /// From here on clocks are lowered.
    pub(crate) S_HIGH(u32)[MAX_SENSORS, stride = 0x20] @ 0x80c { 31:0 value; }
    /// From here on the card stops.
    pub(crate) S_CRITICAL(u32)[MAX_SENSORS, stride = 0x20] @ 0x810 { 31:0 value; }
    /// ASCII.
    pub(crate) S_LABEL(u64)[MAX_SENSORS, stride = 0x20] @ 0x818 { 63:0 value; }
}

// RAS blocks.
register! {
    pub(crate) R_KIND(u32)[MAX_RAS_BLOCKS, stride = 0x20] @ 0xa00 {
        /// Which one of its kind.
        31:16 which;
        15:0 kind;
    }
    /// Bits stay until they are written.
    pub(crate) R_STATUS(u32)[MAX_RAS_BLOCKS, stride = 0x20] @ 0xa04 { 31:0 value; }
    pub(crate) R_CORRECTED(u64)[MAX_RAS_BLOCKS, stride = 0x20] @ 0xa08 { 63:0 value; }
    pub(crate) R_UNCORRECTED(u64)[MAX_RAS_BLOCKS, stride = 0x20] @ 0xa10 { 63:0 value; }
}

/// R_STATUS: there was a corrected error.
pub(crate) const R_HAS_CORRECTED: u32 = 1;

/// L_STATE: turned off.
pub(crate) const L_DISABLED: u32 = 0;
/// L_STATE: looks for the other side.
pub(crate) const L_TRAINING: u32 = 1;
/// L_STATE: carries messages.
pub(crate) const L_UP: u32 = 2;

/// L_CONTROL: look for the other side.
pub(crate) const L_ENABLE: u32 = 1;

// Queues.
register! {
    pub(crate) Q_STATE(u32)[MAX_QUEUES, stride = 0x40] @ 0x8000 {
        9:9 waiting => bool;
        8:8 running => bool;
        2:0 state;
    }
    pub(crate) Q_CONTROL(u32)[MAX_QUEUES, stride = 0x40] @ 0x8004 { 31:0 value; }
    /// Index of the first packet that has not ended well.
    pub(crate) Q_READ(u64)[MAX_QUEUES, stride = 0x40] @ 0x8008 { 63:0 value; }
    /// Index behind the last packet announced.
    pub(crate) Q_WRITE(u64)[MAX_QUEUES, stride = 0x40] @ 0x8010 { 63:0 value; }
    /// Nanoseconds for which packets of it have occupied the engine.
    pub(crate) Q_BUSY(u64)[MAX_QUEUES, stride = 0x40] @ 0x8018 { 63:0 value; }
    /// Why the queue is in error.
    pub(crate) Q_STATUS(u32)[MAX_QUEUES, stride = 0x40] @ 0x8020 { 31:0 value; }
    /// What of it.
    pub(crate) Q_DETAIL(u32)[MAX_QUEUES, stride = 0x40] @ 0x8024 { 31:0 value; }
    /// Where.
    pub(crate) Q_ADDRESS(u64)[MAX_QUEUES, stride = 0x40] @ 0x8028 { 63:0 value; }
}

/// Q_STATE: packets are executed.
pub(crate) const Q_ACTIVE: u32 = 1;
/// Q_STATE: a packet still is.
pub(crate) const Q_SUSPENDING: u32 = 2;
/// Q_STATE: the device accesses nothing for it.
pub(crate) const Q_SUSPENDED: u32 = 3;
/// Q_STATE: as suspended, because of a packet.
pub(crate) const Q_ERROR: u32 = 4;
/// Q_STATE: what that of a card reads as that is gone.
pub(crate) const GONE_STATE: u32 = 7;
/// Q_CONTROL: start no more packets.
pub(crate) const Q_SUSPEND: u32 = 1;
/// Q_CONTROL: go on.
pub(crate) const Q_RESUME: u32 = 2;
/// Q_CONTROL: give the packet up.
pub(crate) const Q_ABORT: u32 = 3;
