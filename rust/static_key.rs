// SPDX-License-Identifier: GPL-2.0

//! Static keys that C defines: a test costs next to nothing while the key is off.
//!
//! C header: [`include/linux/jump_label.h`](srctree/include/linux/jump_label.h)

/// Returns whether a key that is usually off is on: field `$field` of the static `$key`, which has type
/// `$type`. As [`kernel::jump_label::static_branch_unlikely!`], but without a call where the
/// architecture, or the configuration, has no jump labels.
///
/// # Safety
///
/// `$key` must be a static that C defines, and `$field` a `struct static_key_false`.
macro_rules! is_enabled {
    ($key:path, $type:ty, $field:ident) => {{
        #[cfg(CONFIG_JUMP_LABEL)]
        {
            kernel::jump_label::static_branch_unlikely!($key, $type, $field)
        }
        #[cfg(not(CONFIG_JUMP_LABEL))]
        {
            let key: *const $type = ::core::ptr::addr_of!($key);
            // An `atomic_t` and nothing else.
            ::core::ptr::addr_of!((*key).$field)
                .cast::<i32>()
                .read_volatile()
                > 0
        }
    }};
}
pub(crate) use is_enabled;
