// SPDX-License-Identifier: GPL-2.0
//! Copies to and from memory that others may change meanwhile: volatile, by words where possible.

#![allow(unsafe_code)]

const WORD: usize = size_of::<u64>();

/// Copy `source` to `to`.
///
/// # Safety
///
/// `to` must be valid for writes of `source.len()` bytes.
pub(crate) unsafe fn write(to: *mut u8, source: &[u8]) {
    let (head, words, tail) = parts(to, source.len());
    for i in (0..head).chain(tail..source.len()) {
        // SAFETY: by the contract of this function, `i` being below the length.
        unsafe { to.add(i).write_volatile(source[i]) };
    }
    for i in words {
        // SAFETY: likewise for the 8 bytes at `i`, and the destination is aligned there.
        unsafe {
            let word = source.as_ptr().add(i).cast::<u64>().read_unaligned();
            to.add(i).cast::<u64>().write_volatile(word);
        }
    }
}

/// Copy from `from` to `destination`.
///
/// # Safety
///
/// `from` must be valid for reads of `destination.len()` bytes.
pub(crate) unsafe fn read(from: *const u8, destination: &mut [u8]) {
    let (head, words, tail) = parts(from, destination.len());
    for i in (0..head).chain(tail..destination.len()) {
        // SAFETY: by the contract of this function, `i` being below the length.
        destination[i] = unsafe { from.add(i).read_volatile() };
    }
    for i in words {
        // SAFETY: likewise for the 8 bytes at `i`, and the source is aligned there.
        unsafe {
            let word = from.add(i).cast::<u64>().read_volatile();
            destination
                .as_mut_ptr()
                .add(i)
                .cast::<u64>()
                .write_unaligned(word);
        }
    }
}

/// Set `length` bytes at `to` to `byte`.
///
/// # Safety
///
/// `to` must be valid for writes of `length` bytes.
pub(crate) unsafe fn fill(to: *mut u8, length: usize, byte: u8) {
    let (head, words, tail) = parts(to, length);
    for i in (0..head).chain(tail..length) {
        // SAFETY: by the contract of this function, `i` being below the length.
        unsafe { to.add(i).write_volatile(byte) };
    }
    for i in words {
        // SAFETY: likewise for the 8 bytes at `i`, and the destination is aligned there.
        unsafe {
            to.add(i)
                .cast::<u64>()
                .write_volatile(u64::from_ne_bytes([byte; WORD]))
        };
    }
}

/// Divides `length` bytes at `at`: the end of the bytes before the first aligned word, the offsets of
/// the whole words, and the start of the bytes after the last one.
fn parts(at: *const u8, length: usize) -> (usize, impl Iterator<Item = usize>, usize) {
    let head = at.align_offset(WORD).min(length);
    let tail = length - (length - head) % WORD;
    (head, (head..tail).step_by(WORD), tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory with an aligned start.
    #[repr(align(8))]
    struct Memory([u8; 40]);

    #[test]
    fn all_alignments_and_lengths() {
        let source: Vec<u8> = (1..=40).collect();
        for start in 0..9 {
            for length in 0..=31 {
                let range = start..start + length;
                let mut memory = Memory([0; 40]);
                let at = memory.0[range.clone()].as_mut_ptr();
                // SAFETY: the bytes of `range` are ours.
                unsafe { write(at, &source[..length]) };
                assert_eq!(memory.0[range.clone()], source[..length]);
                assert!(
                    memory.0[..start]
                        .iter()
                        .chain(&memory.0[range.end..])
                        .all(|&byte| byte == 0)
                );

                let mut copy = vec![0; length];
                // SAFETY: likewise.
                unsafe { read(memory.0[range.clone()].as_ptr(), &mut copy) };
                assert_eq!(copy, source[..length]);

                // SAFETY: likewise.
                unsafe { fill(memory.0[range.clone()].as_mut_ptr(), length, 0xee) };
                assert_eq!(
                    memory.0.iter().filter(|&&byte| byte == 0xee).count(),
                    length
                );
            }
        }
    }
}
