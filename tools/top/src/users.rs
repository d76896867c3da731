// SPDX-License-Identifier: GPL-2.0
//! Names of users.

use std::collections::HashMap;
use std::fs;

/// Names of users by their numbers.
#[derive(Debug, Default)]
pub struct Users {
    names: HashMap<u32, String>,
}

impl Users {
    /// Those of this system's own; not those of directories.
    pub fn of_system() -> Self {
        Users::parse(&fs::read_to_string("/etc/passwd").unwrap_or_default())
    }

    fn parse(passwd: &str) -> Self {
        let entry = |line: &str| {
            let mut fields = line.split(':');
            let (name, number) = (fields.next()?, fields.nth(1)?);
            Some((number.parse().ok()?, name.to_owned()))
        };
        // Of more names the first one counts.
        Users {
            names: passwd.lines().rev().filter_map(entry).collect(),
        }
    }

    /// Name of a user, or the number if it has none.
    pub fn name(&self, uid: u32) -> String {
        let name = self.names.get(&uid).cloned();
        name.unwrap_or_else(|| uid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_name_is_a_number() {
        let users =
            Users::parse("root:x:0:0::/:/bin/sh\nbad line\ntoor:x:0:0::/:\nme:x:1000:100:::\n");
        assert_eq!(users.name(0), "root");
        assert_eq!(users.name(1000), "me");
        assert_eq!(users.name(7), "7");
    }
}
