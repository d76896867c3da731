// SPDX-License-Identifier: GPL-2.0
//! How numbers, strings and times of the kernel become types.

use std::ffi::c_char;
use std::time::Duration;

use zerocopy::IntoBytes;

/// Define an enum for numbers of the kernel; numbers of newer kernels become `Unknown`.
macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $value:ident, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A number that this library does not know.
            Unknown(u32),
        }

        impl $name {
            /// All that this library knows.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The number of the kernel.
            pub const fn raw(self) -> u32 {
                match self {
                    $($name::$variant => accel_uapi::$value,)*
                    $name::Unknown(raw) => raw,
                }
            }
        }

        impl From<u32> for $name {
            fn from(raw: u32) -> Self {
                match raw {
                    $(accel_uapi::$value => $name::$variant,)*
                    other => $name::Unknown(other),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $($name::$variant => f.pad($text),)*
                    $name::Unknown(raw) => f.pad(&format!("unknown ({raw})")),
                }
            }
        }
    };
}
pub(crate) use numbers;

/// Tie types to their kinds.
macro_rules! kinds {
    ($($name:ident: $shape:ident, $id:ident, $raw:ident;)*) => {$(
        impl Kind for $name {
            const ID: u32 = accel_uapi::$id;
            type Raw = accel_uapi::$raw;
        }

        impl $shape for $name {}
    )*};
}
pub(super) use kinds;

/// A string of the kernel: up to its NUL, or all of it if it has none.
pub(super) fn text(raw: &[c_char]) -> String {
    let bytes = raw.as_bytes();
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A time of the kernel, 0 if it never was.
pub(crate) fn time(ns: u64) -> Option<Duration> {
    (ns != 0).then(|| Duration::from_nanos(ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_nul_or_at_the_end() {
        let chars = |bytes: &[u8]| bytes.iter().map(|&byte| byte as c_char).collect::<Vec<_>>();
        assert_eq!(text(&chars(b"npu\0rest")), "npu");
        assert_eq!(text(&chars(b"full")), "full");
        assert_eq!(text(&chars(b"\0\0")), "");
        assert_eq!(text(&chars(b"\xff\0")), "\u{fffd}");
    }
}
