// SPDX-License-Identifier: GPL-2.0

//! The C operations of the files of a character device.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use core::marker::PhantomData;
use kernel::{
    bindings, container_of,
    error::from_result,
    fs::File,
    mm::virt::VmaNew,
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    sync::poll::PollTable,
    types::{
        ForeignOwnable,
        Opaque, //
    },
};

use crate::{
    bindings as ext,
    chrdev::{
        Node,
        Operations, //
    },
};

/// The C operations that lead to an `O`.
pub(crate) struct FileOperations<O: Operations>(pub(crate) PhantomData<O>);

impl<O: Operations> FileOperations<O> {
    const TABLE: bindings::file_operations = bindings::file_operations {
        owner: this_module::<O::Owner>().as_ptr(),
        open: Some(Self::open),
        read: Some(Self::read),
        release: Some(Self::release),
        unlocked_ioctl: Some(Self::ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: bindings::compat_ptr_ioctl,
        // Where a huge folio can be mapped as a whole.
        #[cfg(CONFIG_TRANSPARENT_HUGEPAGE)]
        get_unmapped_area: Some(bindings::thp_get_unmapped_area),
        mmap: Some(Self::mmap),
        poll: Some(Self::poll),
        show_fdinfo: Some(Self::show_fdinfo),
        ..pin_init::zeroed()
    };

    pub(crate) const fn as_ptr(&self) -> *const bindings::file_operations {
        &const { Self::TABLE }
    }

    /// # Safety
    ///
    /// `inode` and `file` must be of a `Node<O>` being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: chrdev_open() set `i_cdev` and holds a reference to it, hence the node.
            let node = unsafe {
                let cdev = ext::accel_helper_inode_cdev(inode);
                &*container_of!(Opaque::cast_from(cdev), Node<O>, cdev)
            };
            // SAFETY: The file is being opened, by this thread.
            let this = O::open(&node.subject, unsafe { File::from_raw_file(file) })?;
            // SAFETY: The private data is ours.
            unsafe {
                bindings::nonseekable_open(inode, file);
                (*file).private_data = this.into_foreign();
            }
            if let Some(mappings) = O::user_mappings(&node.subject) {
                // SAFETY: The file is being opened. It holds the node, and so the subject, until
                // after `release`.
                unsafe { (*file).f_mapping = mappings.as_raw() };
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` must be one that `open` opened, at its end.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: Set in `open`; nobody uses it any more.
        drop(unsafe { Pin::<KBox<O>>::from_foreign((*file).private_data) });
        0
    }

    /// # Safety
    ///
    /// `file` must be one that `open` opened.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        to: *mut c_char,
        size: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: Set in `open`; the file by the requirements.
        let (this, file) = unsafe {
            (
                Pin::<KBox<O>>::borrow((*file).private_data),
                File::from_raw_file(file),
            )
        };
        match O::read(this, file, to.addr(), size) {
            // CAST: At most `isize::MAX` bytes are asked for.
            Ok(count) => count as isize,
            Err(e) => e.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// `file` must be one that `open` opened.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: Set in `open`.
        let this = unsafe { Pin::<KBox<O>>::borrow((*file).private_data) };
        match O::ioctl(this, cmd, arg) {
            Ok(ret) => ret as c_long,
            Err(e) => e.to_errno() as c_long,
        }
    }

    /// # Safety
    ///
    /// `file` must be one that `open` opened, `vma` one that is being set up.
    unsafe extern "C" fn mmap(
        file: *mut bindings::file,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        from_result(|| {
            // SAFETY: Set in `open`; the VMA by the requirements.
            let (this, vma) = unsafe {
                (
                    Pin::<KBox<O>>::borrow((*file).private_data),
                    VmaNew::from_raw(vma),
                )
            };
            O::mmap(this, vma)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` must be one that `open` opened, `table` null or valid.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table_struct,
    ) -> bindings::__poll_t {
        // SAFETY: Set in `open`; the others by the requirements.
        let (this, file, table) = unsafe {
            (
                Pin::<KBox<O>>::borrow((*file).private_data),
                File::from_raw_file(file),
                PollTable::from_raw(table),
            )
        };
        O::poll(this, file, table)
    }

    /// # Safety
    ///
    /// `file` must be one that `open` opened, `seq` valid and used by this thread only.
    unsafe extern "C" fn show_fdinfo(seq: *mut bindings::seq_file, file: *mut bindings::file) {
        // SAFETY: Set in `open`; the other by the requirements.
        let (this, seq) = unsafe {
            (
                Pin::<KBox<O>>::borrow((*file).private_data),
                SeqFile::from_raw(seq),
            )
        };
        O::show_fdinfo(this, seq);
    }
}
