// SPDX-License-Identifier: GPL-2.0

//! The management firmware: image, boot, whether it lives, its log
//! (Documentation/devices/qda/firmware.rst).

use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::Coherent,
    firmware,
    fmt::{
        self,
        Write, //
    },
    io::{
        poll::read_poll_timeout,
        register::Array,
        Io, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::Delta,
};

use crate::{
    card::limit_ms,
    mmu,
    pci::{
        read64,
        write64,
        Bar, //
    },
    regs, //
};

const NAME: &CStr = c"qda/firmware.bin";

/// The letters "QDAF".
const MAGIC: u32 = 0x4641_4451;
const HEADER_VERSION: u16 = 1;
const HEADER_SIZE: usize = 256;
/// The mailbox that the driver knows.
const API_MAJOR: u16 = 1;

/// Limits of the states of the boot, milliseconds.
const RESET_MS: u32 = 100;
const BOOT_MS: u32 = 3 * 2000;
const DEVICE_RESET_MS: u32 = 500;

/// How many looks at a heartbeat that stands still are death; looks are a second apart.
const DEAD_LOOKS: u32 = 2;

/// Firmware, where the card can load it from: again, when it has died.
pub(crate) struct Firmware {
    image: Coherent<[u8]>,
    /// What FW_HEARTBEAT was at the last look, and at how many looks it was that.
    heartbeat: Atomic<u32>,
    still: Atomic<u32>,
    losses: Atomic<u64>,
}

impl Firmware {
    /// Gets the image. EINVAL: it is none, or speaks another language; errors of the loader; ENOMEM.
    pub(crate) fn request(dev: &Device<Bound>) -> Result<Self> {
        let file = firmware::Firmware::request(NAME, dev)?;
        check(file.data()).inspect_err(|_| dev_err!(dev, "no firmware for this driver\n"))?;
        Ok(Self {
            image: Coherent::from_slice(dev, file.data(), GFP_KERNEL)?,
            heartbeat: Atomic::new(0),
            still: Atomic::new(0),
            losses: Atomic::new(0),
        })
    }

    /// Boots it. The ROM must have been started by a reset. EIO: it does not boot.
    pub(crate) fn boot(&self, dev: &Device<Bound>, bar: &Bar<'_>) -> Result {
        wait_for_rom(bar)?;
        write64(
            bar,
            regs::FW_ADDRESS,
            regs::FW_ADDRESS::from(mmu::system(self.image.dma_address())),
        );
        bar.write_reg(regs::FW_SIZE::from(u32::try_from(self.image.size())?));
        bar.write_reg(regs::FW_CONTROL::from(regs::FW_START));
        let ends = [
            regs::FW_RUNNING,
            regs::FW_FAILED,
            regs::FW_CRASHED,
            regs::GONE,
        ];
        let state = read_poll_timeout(
            || Ok(bar.read(regs::FW_STATE).into_raw()),
            |state| ends.contains(state),
            Delta::from_millis(1),
            limit_ms(BOOT_MS),
        );
        let api = bar.read(regs::FW_API);
        if state != Ok(regs::FW_RUNNING) || u16::from(api.major()) != API_MAJOR {
            let state = bar.read(regs::FW_STATE).into_raw();
            let error = bar.read(regs::FW_ERROR).into_raw();
            dev_err!(
                dev,
                "firmware does not boot: state {state}, error {error}\n"
            );
            return Err(EIO);
        }
        self.still.store(0, Relaxed);
        let version = bar.read(regs::FW_VERSION).into_raw();
        dev_info!(
            dev,
            "firmware {}.{}.{}\n",
            version >> 24,
            version >> 16 & 0xff,
            version & 0xffff
        );
        Ok(())
    }

    /// Boots it again after it died; nothing but the mailbox notices.
    pub(crate) fn reboot(&self, dev: &Device<Bound>, bar: &Bar<'_>) -> Result {
        dev_warn!(
            dev,
            "firmware is dead: state {}, error {}\n",
            bar.read(regs::FW_STATE).into_raw(),
            bar.read(regs::FW_ERROR).into_raw()
        );
        bar.write_reg(regs::DEVICE_RESET::from(regs::RESET_FIRMWARE));
        self.boot(dev, bar)?;
        let losses = self.losses.load(Relaxed);
        self.losses.store(losses.wrapping_add(1), Relaxed);
        Ok(())
    }

    /// Looks whether it lives; to be called once a second.
    pub(crate) fn is_alive(&self, bar: &Bar<'_>) -> bool {
        if bar.read(regs::FW_STATE).into_raw() != regs::FW_RUNNING {
            return false;
        }
        let now = bar.read(regs::FW_HEARTBEAT).into_raw();
        let still = match now == self.heartbeat.xchg(now, Relaxed) {
            true => self.still.load(Relaxed) + 1,
            false => 0,
        };
        self.still.store(still, Relaxed);
        still < DEAD_LOOKS
    }

    /// Its heartbeat has stood still for a good reason.
    pub(crate) fn forget_heartbeat(&self) {
        self.still.store(0, Relaxed);
    }

    /// Returns how often it died and was brought back.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Relaxed)
    }
}

/// Checks what the ROM does not know: whether it is for this driver.
fn check(image: &[u8]) -> Result {
    let field = |range| image.get(range).ok_or(EINVAL);
    let magic = u32::from_le_bytes(field(0..4)?.try_into().map_err(|_| EINVAL)?);
    let version = u16::from_le_bytes(field(4..6)?.try_into().map_err(|_| EINVAL)?);
    let api = u16::from_le_bytes(field(0xe..0x10)?.try_into().map_err(|_| EINVAL)?);
    let is_ours = magic == MAGIC && version == HEADER_VERSION && api == API_MAJOR;
    match is_ours && image.len() > HEADER_SIZE {
        true => Ok(()),
        false => Err(EINVAL),
    }
}

/// Waits for the end of a reset of the management processor. EIO: it does not end.
fn wait_for_rom(bar: &Bar<'_>) -> Result {
    read_poll_timeout(
        || Ok(bar.read(regs::FW_STATE).into_raw()),
        |state| *state == regs::FW_ROM_READY,
        Delta::from_millis(1),
        limit_ms(RESET_MS),
    )
    .map(|_| ())
    .map_err(|_| EIO)
}

/// Resets all of the card: after that it neither reaches memory nor sends messages. EIO: it does not
/// obey, or has failed for good.
pub(crate) fn reset_device(bar: &Bar<'_>) -> Result {
    bar.write_reg(regs::DEVICE_RESET::from(regs::RESET_DEVICE));
    let state = read_poll_timeout(
        || Ok(bar.read(regs::DEVICE_STATE).into_raw()),
        |state| *state != 0,
        Delta::from_millis(1),
        limit_ms(DEVICE_RESET_MS),
    );
    match state {
        Ok(regs::DEVICE_IDLE) => Ok(()),
        _ => Err(EIO),
    }
}

/// Writes the crash window, if it is filled: hexadecimal words, each line with where it begins.
pub(crate) fn dump_crash(bar: &Bar<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const WORDS_PER_LINE: usize = 4;
    let size = bar.read(regs::FW_CRASH).into_raw().min(regs::CRASH_BYTES);
    for word in 0..size.div_ceil(8) as usize {
        if word % WORDS_PER_LINE == 0 {
            f.write_fmt(fmt!("crash {:#05x}", word * 8))?;
        }
        let value = regs::CRASH::try_at(word).map_or(0, |at| read64(bar, at));
        let is_last = (word + 1) % WORDS_PER_LINE == 0 || (word + 1) * 8 >= size as usize;
        f.write_fmt(fmt!(" {value:016x}{}", if is_last { "\n" } else { "" }))?;
    }
    Ok(())
}

/// Writes what firmware has logged.
pub(crate) fn dump_log(bar: &Bar<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let head = bar.read(regs::FW_LOG_HEAD).into_raw();
    let count = head.min(regs::FW_LOG_BYTES);
    for index in (0..count).map(|n| head.wrapping_sub(count - n)) {
        let place = (index % regs::FW_LOG_BYTES) as usize;
        let word = regs::FW_LOG::try_at(place / 8).map_or(0, |at| read64(bar, at));
        let byte = word.to_le_bytes().get(place % 8).copied().unwrap_or(0);
        match byte {
            b'\n' | b' '..=b'~' => f.write_char(char::from(byte))?,
            _ => f.write_char('?')?,
        }
    }
    Ok(())
}
