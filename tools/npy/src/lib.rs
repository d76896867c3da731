// SPDX-License-Identifier: GPL-2.0
//! Arrays of bytes in NumPy's file format.
//!
//! A file is `\x93NUMPY`, a version, the length of the header, the header (a Python dict of `descr`,
//! `fortran_order` and `shape`), then the elements. Source: numpy.lib.format.

use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Bytes with extents, the last one running fastest.
#[derive(Debug, PartialEq, Eq)]
pub struct Array {
    /// Extents.
    pub shape: Vec<usize>,
    /// Elements.
    pub bytes: Vec<u8>,
}

impl Array {
    /// `bytes` as an array of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>, bytes: Vec<u8>) -> Result<Self> {
        let shape = shape.into();
        let elements = shape
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent));
        ensure!(
            elements == Some(bytes.len()),
            "{} bytes are no array of {shape:?}",
            bytes.len()
        );
        Ok(Array { shape, bytes })
    }

    /// Read an array of signed or unsigned bytes.
    pub fn read(path: &Path) -> Result<Self> {
        let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        parse(&file).with_context(|| format!("{} is no array of bytes", path.display()))
    }

    /// Write the array, as unsigned bytes.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.to_file()).with_context(|| format!("cannot write {}", path.display()))
    }

    fn to_file(&self) -> Vec<u8> {
        let shape: String = self
            .shape
            .iter()
            .map(|extent| format!("{extent}, "))
            .collect();
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
        // The elements start at a multiple of 64; a newline is before them.
        let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
        let mut file = MAGIC.to_vec();
        file.extend([1, 0]);
        file.extend((length as u16).to_le_bytes());
        file.extend(format!("{header:<width$}\n", width = length - 1).bytes());
        file.extend(&self.bytes);
        file
    }
}

fn parse(file: &[u8]) -> Result<Array> {
    let rest = file
        .strip_prefix(MAGIC)
        .context("it is not written by NumPy")?;
    let (header, elements) = match *rest {
        [1, _, a, b, ref rest @ ..] => rest.split_at_checked(u16::from_le_bytes([a, b]).into()),
        [2 | 3, _, a, b, c, d, ref rest @ ..] => {
            rest.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)
        }
        _ => None,
    }
    .context("its header is truncated or of an unknown version")?;
    let header = std::str::from_utf8(header).context("its header is no text")?;
    if !matches!(value(header, "descr")?, rest if rest.starts_with("'|i1'") || rest.starts_with("'|u1'"))
    {
        bail!("its elements are no bytes");
    }
    ensure!(
        value(header, "fortran_order")?.starts_with("False"),
        "its first extent runs fastest"
    );
    Array::new(shape(value(header, "shape")?)?, elements.to_vec())
}

/// What follows a key of the header.
fn value<'a>(header: &'a str, key: &str) -> Result<&'a str> {
    let (_, rest) = header
        .split_once(&format!("'{key}': "))
        .with_context(|| format!("it has no {key}"))?;
    Ok(rest)
}

/// A tuple of integers.
fn shape(text: &str) -> Result<Vec<usize>> {
    let tuple = text.strip_prefix('(').and_then(|text| text.split_once(')'));
    let (extents, _) = tuple.context("its shape is no tuple")?;
    let extents = extents
        .split(',')
        .map(str::trim)
        .filter(|extent| !extent.is_empty());
    extents
        .map(|extent| {
            extent
                .parse()
                .with_context(|| format!("its extent {extent} is no number"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, elements: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0][..], &length, header.as_bytes(), elements].concat()
    }

    #[test]
    fn numpys_files_are_read() {
        let array = parse(&file(
            "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 3), }   \n",
            b"abcdef",
        ));
        assert_eq!(
            array.unwrap(),
            Array {
                shape: vec![2, 3],
                bytes: b"abcdef".to_vec()
            }
        );
        let array = parse(&file(
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n",
            b"ab",
        ));
        assert_eq!(array.unwrap().shape, [2]);
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [vec![], vec![1], vec![0, 7], vec![2, 1, 3]] {
            let array = Array::new(shape.clone(), vec![9; shape.iter().product()]).unwrap();
            let file = array.to_file();
            assert_eq!((file.len() - array.bytes.len()) % 64, 0);
            assert_eq!(parse(&file).unwrap(), array);
        }
    }

    #[test]
    fn other_files_are_refused() {
        let error = |file: &[u8]| format!("{:#}", parse(file).unwrap_err());
        assert_eq!(error(b"PK"), "it is not written by NumPy");
        assert_eq!(
            error(b"\x93NUMPY\x01\x00\xff\x00{"),
            "its header is truncated or of an unknown version"
        );
        let i2 = file(
            "{'descr': '<i2', 'fortran_order': False, 'shape': (1,), }",
            b"ab",
        );
        assert_eq!(error(&i2), "its elements are no bytes");
        let short = file(
            "{'descr': '|i1', 'fortran_order': False, 'shape': (4,), }",
            b"ab",
        );
        assert_eq!(error(&short), "2 bytes are no array of [4]");
        let shapeless = file("{'descr': '|i1', 'fortran_order': False, }", b"ab");
        assert_eq!(error(&shapeless), "it has no shape");
    }
}
