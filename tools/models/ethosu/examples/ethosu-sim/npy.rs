// SPDX-License-Identifier: GPL-2.0
//! NumPy arrays of bytes in files (numpy.lib.format, version 1.0).

use std::error::Error;
use std::fs;
use std::path::Path;

/// An array of int8 or uint8.
pub struct Array {
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// Begins each file; two bytes of header length follow.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

impl Array {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let file = fs::read(path)?;
        let rest = file
            .strip_prefix(MAGIC)
            .ok_or("not a NumPy file of version 1.0")?;
        let (len, rest) = rest.split_at_checked(2).ok_or("file too short")?;
        let len = usize::from(u16::from_le_bytes([len[0], len[1]]));
        let (header, bytes) = rest.split_at_checked(len).ok_or("file too short")?;
        let header = std::str::from_utf8(header)?;
        if !header.contains("'|i1'") && !header.contains("'|u1'") {
            return Err("not an array of bytes".into());
        }
        let shape = header
            .split_once("'shape': (")
            .and_then(|(_, rest)| rest.split_once(')'));
        let (shape, _) = shape.ok_or("no shape")?;
        let sizes = shape
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty());
        let shape = sizes.map(str::parse).collect::<Result<_, _>>()?;
        let bytes = bytes.to_vec();
        Ok(Self { shape, bytes })
    }
}

/// Writes `rows` of uint8, of equal length.
pub fn write(path: &Path, rows: usize, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let shape = (rows, bytes.len() / rows.max(1));
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape:?}, }}");
    // Magic, length and header, newline included, are a multiple of 64 bytes.
    let width = (header.len() + 11).next_multiple_of(64) - 11;
    let header = format!("{header:width$}\n");
    let len = (header.len() as u16).to_le_bytes();
    let file = [MAGIC, &len, header.as_bytes(), bytes].concat();
    Ok(fs::write(path, file)?)
}
