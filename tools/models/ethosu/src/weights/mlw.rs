// SPDX-License-Identifier: GPL-2.0
//! Decoder of compressed weight streams ("mlw").
//!
//! A stream is a sequence of slices, bits from the least significant up. A slice's values are
//! palette indices (or, beyond the palette, the weights themselves) in a truncated Golomb-Rice
//! code; between them may be counts of zeros in another one. Both codes come in alternating chunks
//! of unary parts, each followed by the remainders of the chunk before it. A weight has its sign in
//! bit 0.

use std::fmt;

/// Most unary symbols in one chunk.
const CHUNK: u32 = 12;
/// Symbols in a chunk of long uncompressed values, and unary bits in a chunk of coarse zero runs.
const SHORT_CHUNK: u32 = 8;
/// Weights have 9 bits: sign and magnitude.
const MAX_VALUE: u32 = 1 << 9;

/// Larger unary parts are certainly malformed; cut so that nothing overflows.
const MAX_QUOTIENT: u32 = 1 << 26;

/// Zero-run field: no zero runs.
const ZERO_RUNS_OFF: u32 = 6;
/// Zero-run field: end of stream, or padding to the next byte.
const END: u32 = 7;
/// Weight field: values are plain bits.
const PLAIN: u32 = 7;

/// The stream is no weight stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed weight stream")
    }
}

impl std::error::Error for Malformed {}

/// Decodes a stream into at most `limit` weights of -255 to 255.
pub fn decode(stream: &[u8], limit: usize) -> Result<Vec<i16>, Malformed> {
    let mut bits = Bits {
        bytes: stream,
        position: 0,
    };
    let mut weights = Vec::new();
    let mut coding = None;
    loop {
        let mut zero_field = bits.take(3);
        while zero_field == Ok(END) {
            bits.align();
            coding = None;
            if bits.at_end() {
                return Ok(weights);
            }
            zero_field = bits.take(3);
        }
        if bits.at_end() {
            return Ok(weights);
        }
        let slice = Slice::header(&mut bits, zero_field?, &mut coding)?;
        let coding = coding.as_ref().ok_or(Malformed)?;
        slice.decode(&mut bits, coding, limit, &mut weights)?;
    }
}

/// Bits of a stream, least significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 24.
    fn take(&mut self, count: u32) -> Result<u32, Malformed> {
        let end = self.position + count as usize;
        if end > 8 * self.bytes.len() {
            return Err(Malformed);
        }
        let rest = &self.bytes[self.position / 8..];
        let mut word = [0; 4];
        let len = rest.len().min(4);
        word[..len].copy_from_slice(&rest[..len]);
        let value = u32::from_le_bytes(word) >> (self.position % 8);
        self.position = end;
        Ok(value & ((1 << count) - 1))
    }

    fn align(&mut self) {
        self.position = self.position.next_multiple_of(8);
    }

    /// Whether only bits of an incomplete byte could follow.
    fn at_end(&self) -> bool {
        self.position / 8 >= self.bytes.len()
    }
}

/// What a slice may take over from the one before.
struct Coding {
    zero_runs: bool,
    palette: Vec<u32>,
    /// First weight that is not in the palette.
    direct_offset: u32,
    /// Bits of a palette entry, and of a plain weight without palette.
    bits: u32,
}

impl Coding {
    fn read(bits: &mut Bits<'_>, zero_runs: bool) -> Result<Self, Malformed> {
        let direct_offset = bits.take(5)?;
        let size = match bits.take(5)? {
            0 => 0,
            size => size + 1,
        };
        let width = bits.take(3)? + 2;
        let palette = (0..size)
            .map(|_| bits.take(width))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            zero_runs,
            palette,
            direct_offset,
            bits: width,
        })
    }

    /// Bits of a plain value.
    fn plain_bits(&self) -> u32 {
        match self.palette.len() {
            0 => self.bits,
            size => size.next_power_of_two().trailing_zeros(),
        }
    }

    fn weight(&self, value: u32) -> Result<i16, Malformed> {
        if value >= MAX_VALUE {
            return Err(Malformed);
        }
        let size = self.palette.len() as u32;
        let coded = match self.palette.get(value as usize) {
            Some(&coded) => coded,
            None => value - size + self.direct_offset,
        };
        let magnitude = (coded >> 1) as i16;
        Ok(if coded & 1 != 0 {
            -magnitude
        } else {
            magnitude
        })
    }
}

/// One slice.
struct Slice {
    /// Weights in it that are not part of a zero run.
    values: usize,
    /// Zero runs, one before the first weight included.
    runs: usize,
    /// Whether a run comes before the first weight.
    leading_run: bool,
    /// Remainder bits of a zero run.
    zero_shift: u32,
    /// Remainder bits of a value.
    shift: u32,
    /// Values are plain bits.
    plain: bool,
    /// Quotients of values are at most two.
    truncated: bool,
}

impl Slice {
    /// Reads a header; replaces `coding` if the slice brings its own.
    fn header(
        bits: &mut Bits<'_>,
        zero_field: u32,
        coding: &mut Option<Coding>,
    ) -> Result<Self, Malformed> {
        let zero_runs = zero_field != ZERO_RUNS_OFF;
        if zero_runs && zero_field > 3 {
            return Err(Malformed);
        }
        let values = bits.take(15)? as usize + 1;
        let field = bits.take(3)?;
        let truncated = bits.take(1)? != 0;
        let new = bits.take(1)? != 0;
        if new {
            *coding = Some(Coding::read(bits, zero_runs)?);
        }
        let coding = coding
            .as_ref()
            .filter(|coding| coding.zero_runs == zero_runs);
        let coding = coding.ok_or(Malformed)?;
        let plain = field == PLAIN;
        if !plain && field > 5 {
            return Err(Malformed);
        }
        Ok(Self {
            values,
            runs: if zero_runs {
                values + usize::from(new)
            } else {
                0
            },
            leading_run: new && zero_runs,
            zero_shift: zero_field,
            shift: if plain { coding.plain_bits() } else { field },
            plain,
            truncated,
        })
    }

    /// Decodes the slice to the end of `weights`.
    fn decode(
        &self,
        bits: &mut Bits<'_>,
        coding: &Coding,
        limit: usize,
        weights: &mut Vec<i16>,
    ) -> Result<(), Malformed> {
        let (values, runs) = self.chunks(bits)?;
        let mut runs = runs.into_iter();
        let mut zeros = |weights: &mut Vec<i16>| {
            let run = runs.next().unwrap_or(0) as usize;
            if run > limit.saturating_sub(weights.len()) {
                return Err(Malformed);
            }
            weights.resize(weights.len() + run, 0);
            Ok(())
        };
        if self.leading_run {
            zeros(weights)?;
        }
        for value in values {
            weights.push(coding.weight(value)?);
            zeros(weights)?;
        }
        if weights.len() > limit {
            return Err(Malformed);
        }
        Ok(())
    }

    /// Reads all values and zero runs, chunk by chunk.
    fn chunks(&self, bits: &mut Bits<'_>) -> Result<(Vec<u32>, Vec<u32>), Malformed> {
        let mut values = Lane::new(self.values, self.shift);
        let mut runs = Lane::new(self.runs, self.zero_shift);
        loop {
            // Neither code may run ahead of the other by more than a chunk.
            let values_on =
                !values.complete() && (self.runs == 0 || values.symbols < runs.symbols + 8);
            let runs_on = !runs.complete() && values.symbols >= runs.symbols;
            let unary = match values_on && !self.plain {
                true => bits.take(CHUNK)?,
                false => 0,
            };
            let mut next_runs = Vec::new();
            if runs_on {
                self.unary_runs(bits, &mut runs, &mut next_runs)?;
            }
            let mut next_values = Vec::new();
            if values_on {
                self.unary_values(bits, unary, &mut values, &mut next_values)?;
            }
            values.remainders(bits, next_values)?;
            runs.remainders(bits, next_runs)?;
            if !values_on && !runs_on {
                return Ok((values.decoded, runs.decoded));
            }
        }
    }

    /// Unary parts of a chunk of zero runs.
    fn unary_runs(
        &self,
        bits: &mut Bits<'_>,
        lane: &mut Lane,
        quotients: &mut Vec<u32>,
    ) -> Result<(), Malformed> {
        let count = if self.zero_shift < 3 {
            CHUNK
        } else {
            SHORT_CHUNK
        };
        let unary = bits.take(count)?;
        for i in 0..count {
            match unary >> i & 1 {
                0 => lane.finish_symbol(quotients),
                _ => lane.carry += 1,
            }
        }
        Ok(())
    }

    /// Unary parts of a chunk of values: a bit each, and a second one where the first is set.
    fn unary_values(
        &self,
        bits: &mut Bits<'_>,
        first: u32,
        lane: &mut Lane,
        quotients: &mut Vec<u32>,
    ) -> Result<(), Malformed> {
        let count = if self.plain && self.shift > 5 {
            SHORT_CHUNK
        } else {
            CHUNK
        };
        let first = first & ((1 << count) - 1);
        let mut second = bits.take(first.count_ones())?;
        for i in 0..count {
            let mut code = first >> i & 1;
            if code != 0 {
                code += second & 1;
                second >>= 1;
            }
            lane.carry += code;
            if code < 2 || self.truncated {
                lane.finish_symbol(quotients);
            }
        }
        Ok(())
    }
}

/// One of the two interleaved codes.
struct Lane {
    /// Values in the slice.
    count: usize,
    /// Bits of a remainder.
    shift: u32,
    /// Unary part of the symbol that is not complete yet.
    carry: u32,
    /// Symbols whose unary part is complete; the last chunk may have some too many.
    symbols: usize,
    /// Unary parts that wait for their remainders.
    waiting: Vec<u32>,
    decoded: Vec<u32>,
}

impl Lane {
    fn new(count: usize, shift: u32) -> Self {
        Self {
            count,
            shift,
            carry: 0,
            symbols: 0,
            waiting: Vec::new(),
            decoded: Vec::new(),
        }
    }

    fn complete(&self) -> bool {
        self.symbols >= self.count
    }

    fn finish_symbol(&mut self, quotients: &mut Vec<u32>) {
        quotients.push(std::mem::take(&mut self.carry).min(MAX_QUOTIENT));
        self.symbols += 1;
    }

    /// Reads the remainders of the chunk before, and puts `next` into its place.
    fn remainders(&mut self, bits: &mut Bits<'_>, next: Vec<u32>) -> Result<(), Malformed> {
        for quotient in std::mem::replace(&mut self.waiting, next) {
            if self.decoded.len() == self.count {
                break;
            }
            let remainder = bits.take(self.shift)?;
            self.decoded.push((quotient << self.shift) + remainder);
        }
        Ok(())
    }
}
