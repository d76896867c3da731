// SPDX-License-Identifier: GPL-2.0

//! Character devices with a class, their nodes and the operations on their files.
//!
//! C headers: [`include/linux/cdev.h`](srctree/include/linux/cdev.h),
//! [`include/linux/device/class.h`](srctree/include/linux/device/class.h)

use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    device::Device,
    error::to_result,
    fs::File,
    mm::virt::VmaNew,
    module::{
        this_module,
        ModuleMetadata, //
    },
    prelude::*,
    seq_file::SeqFile,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        poll::PollTable,
        Arc,
    },
    types::Opaque,
};

use crate::{
    bindings as ext,
    chrdev_file::FileOperations,
    device::as_raw,
    sysfs,
    user_mappings::UserMappings, //
};

/// A class of nodes below a directory of `/dev`; for statics.
#[repr(C)]
pub struct Class {
    class: bindings::class,
    /// "DIR/%s"
    path: &'static CStr,
    mode: u16,
    first: Atomic<u32>,
    nodes: u32,
}

// SAFETY: Immutable but for `first`, which is atomic.
unsafe impl Sync for Class {}

impl Class {
    /// Makes a class of up to `nodes` nodes at `path`, which is "DIR/%s", with access mode `mode`
    /// (0: the default).
    pub const fn new(name: &'static CStr, path: &'static CStr, mode: u16, nodes: u32) -> Self {
        Self {
            class: bindings::class {
                name: kernel::str::as_char_ptr_in_const_context(name),
                devnode: Some(Self::devnode),
                ..pin_init::zeroed()
            },
            path,
            mode,
            first: Atomic::new(0),
            nodes,
        }
    }

    /// Registers the class and its device numbers until the result is dropped.
    ///
    /// # Safety
    ///
    /// May be called once only; the result must be kept until the class has no nodes any more.
    pub unsafe fn register(&'static self) -> Result<ClassRegistration> {
        let mut first = 0;
        // SAFETY: The name lives for ever.
        to_result(unsafe {
            bindings::alloc_chrdev_region(&mut first, 0, self.nodes, self.class.name)
        })?;
        self.first.store(first, Relaxed);
        // SAFETY: A static.
        let ret = to_result(unsafe { bindings::class_register(&self.class) });
        if let Err(e) = ret {
            // SAFETY: Allocated above.
            unsafe { bindings::unregister_chrdev_region(first, self.nodes) };
            return Err(e);
        }
        Ok(ClassRegistration(self))
    }

    /// # Safety
    ///
    /// `dev` must be a device of such a class, `mode` null or valid.
    unsafe extern "C" fn devnode(
        dev: *const bindings::device,
        mode: *mut bindings::umode_t,
    ) -> *mut c_char {
        // SAFETY: By the requirements; `class` is the first field of a `Class`.
        unsafe {
            let this = &*(*dev).class.cast::<Class>();
            if !mode.is_null() && this.mode != 0 {
                *mode = this.mode;
            }
            bindings::kasprintf(
                bindings::GFP_KERNEL,
                this.path.as_char_ptr(),
                bindings::dev_name(dev),
            )
        }
    }
}

/// The registration of a [`Class`].
pub struct ClassRegistration(&'static Class);

impl Drop for ClassRegistration {
    fn drop(&mut self) {
        // SAFETY: Registered in `Class::register`, and by its requirements there are no nodes.
        unsafe {
            bindings::class_unregister(&self.0.class);
            bindings::unregister_chrdev_region(self.0.first.load(Relaxed), self.0.nodes);
        }
    }
}

/// An open file of a node, and what can be done with it.
pub trait Operations: Sized + Send + Sync + 'static {
    /// The module whose code the operations are; in use while a file is open.
    type Owner: ModuleMetadata;
    /// What the node stands for.
    type Subject: Send + Sync + 'static;

    /// Opens the node.
    fn open(subject: &Arc<Self::Subject>, file: &File) -> Result<Pin<KBox<Self>>>;

    /// An ioctl, of 64-bit or 32-bit user space alike.
    fn ioctl(self: Pin<&Self>, cmd: u32, arg: usize) -> Result<isize>;

    /// read(2) of at most `size` bytes to the user's address `addr`; returns how many.
    fn read(self: Pin<&Self>, _file: &File, _addr: usize, _size: usize) -> Result<usize> {
        Err(EINVAL)
    }

    /// mmap(2).
    fn mmap(self: Pin<&Self>, _vma: &VmaNew) -> Result {
        Err(ENODEV)
    }

    /// poll(2): returns a mask of `EPOLL*`.
    fn poll(self: Pin<&Self>, _file: &File, _table: PollTable<'_>) -> u32 {
        0
    }

    /// Writes what `/proc/PID/fdinfo/FD` says of the file besides what it says of all.
    fn show_fdinfo(self: Pin<&Self>, _seq: &SeqFile) {}

    /// Returns where mappings of the files of the node are to be found; always the same.
    fn user_mappings(_subject: &Self::Subject) -> Option<&UserMappings> {
        None
    }

    /// The sysfs attributes of the node.
    fn attributes(_subject: &Self::Subject) -> &[sysfs::AttributeInfo] {
        &[]
    }

    /// Writes the attribute at `index` of [`Operations::attributes`].
    fn show(_subject: &Self::Subject, _index: usize, _page: &mut sysfs::Page<'_>) -> Result {
        Err(EINVAL)
    }

    /// Takes what was written to the attribute at `index`; may sleep, in bounded time.
    fn store(_subject: &Self::Subject, _index: usize, _text: &[u8]) -> Result {
        Err(EINVAL)
    }
}

/// A node: a `struct device` with a `struct cdev`, counted by the device.
#[pin_data]
#[repr(C)]
pub(crate) struct Node<O: Operations> {
    #[pin]
    dev: Opaque<bindings::device>,
    #[pin]
    pub(crate) cdev: Opaque<bindings::cdev>,
    pub(crate) subject: Arc<O::Subject>,
    attributes: sysfs::Attributes,
}

impl<O: Operations> Node<O> {
    fn new(subject: &Arc<O::Subject>) -> Result<NonNull<Self>> {
        let infos = O::attributes(subject);
        let attributes = sysfs::Attributes::new(infos, Self::show, Self::store)?;
        let node = KBox::pin_init::<Error>(
            try_pin_init!(Self {
                // SAFETY: Zeroes are what `device_initialize` and `cdev_init` expect.
                dev <- Opaque::ffi_init(|p: *mut bindings::device| unsafe {
                    p.write_bytes(0, 1)
                }),
                // SAFETY: As above.
                cdev <- Opaque::ffi_init(|p: *mut bindings::cdev| unsafe { p.write_bytes(0, 1) }),
                subject: subject.clone(),
                attributes,
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: Never moved; freed by `release`.
        let node = KBox::into_raw(unsafe { Pin::into_inner_unchecked(node) });
        // SAFETY: From a box.
        Ok(unsafe { NonNull::new_unchecked(node) })
    }

    const FOPS: FileOperations<O> = FileOperations(PhantomData);

    /// # Safety
    ///
    /// `dev` must be the device of a `Node<O>` whose last reference is gone.
    unsafe extern "C" fn release(dev: *mut bindings::device) {
        // SAFETY: `dev` is the first field of a node from `new`.
        drop(unsafe { KBox::from_raw(dev.cast::<Self>()) });
    }

    /// # Safety
    ///
    /// `dev` must be the device of a `Node<O>`, `attr` one of its attributes, and `buf` a page.
    unsafe extern "C" fn show(
        dev: *mut bindings::device,
        attr: *mut bindings::device_attribute,
        buf: *mut c_char,
    ) -> isize {
        // SAFETY: By the requirements; `dev` and `attr` are first fields.
        let (this, attribute, mut page) = unsafe {
            (
                &*dev.cast::<Self>(),
                &*attr.cast::<sysfs::Attribute>(),
                sysfs::Page::from_raw(buf),
            )
        };
        match O::show(&this.subject, attribute.index(), &mut page) {
            Ok(()) => page.len() as isize,
            Err(e) => e.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// `dev` must be the device of a `Node<O>`, `attr` one of its attributes, and `buf` valid for
    /// reads of `count` bytes.
    unsafe extern "C" fn store(
        dev: *mut bindings::device,
        attr: *mut bindings::device_attribute,
        buf: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: By the requirements; `dev` and `attr` are first fields.
        let (this, attribute, text) = unsafe {
            (
                &*dev.cast::<Self>(),
                &*attr.cast::<sysfs::Attribute>(),
                core::slice::from_raw_parts(buf.cast::<u8>(), count),
            )
        };
        match O::store(&this.subject, attribute.index(), text) {
            Ok(()) => count as isize,
            Err(e) => e.to_errno() as isize,
        }
    }
}

/// A node that exists; it vanishes when this is dropped. Open files stay.
pub struct Registration<O: Operations>(NonNull<Node<O>>);

// SAFETY: Devices are counted and locked by the driver core.
unsafe impl<O: Operations> Send for Registration<O> {}
// SAFETY: As above.
unsafe impl<O: Operations> Sync for Registration<O> {}

impl<O: Operations> Registration<O> {
    /// Makes node number `index` of `class`, called "`name``index`".
    pub fn new(
        class: &'static Class,
        name: &'static CStr,
        index: u32,
        parent: &Device,
        subject: &Arc<O::Subject>,
    ) -> Result<Self> {
        if index >= class.nodes {
            return Err(EINVAL);
        }
        let node = Node::<O>::new(subject)?.as_ptr();
        // SAFETY: `node` is valid; from `device_initialize` on `put_device` frees it.
        unsafe {
            let (dev, cdev) = ((*node).dev.get(), (*node).cdev.get());
            bindings::device_initialize(dev);
            (*dev).class = &class.class;
            (*dev).parent = as_raw(parent);
            (*dev).release = Some(Node::<O>::release);
            (*dev).devt = class.first.load(Relaxed) + index;
            (*dev).groups = (*node).attributes.as_groups();
            bindings::cdev_init(cdev, Node::<O>::FOPS.as_ptr());
            (*cdev).owner = this_module::<O::Owner>().as_ptr();
            let ret = to_result(bindings::dev_set_name(
                dev,
                c"%s%u".as_char_ptr(),
                name.as_char_ptr(),
                index,
            ))
            .and_then(|()| to_result(bindings::cdev_device_add(cdev, dev)));
            if let Err(e) = ret {
                bindings::put_device(dev);
                return Err(e);
            }
            Ok(Self(NonNull::new_unchecked(node)))
        }
    }
}

impl<O: Operations> Registration<O> {
    /// Tells user space that the device has changed: a uevent with `what`, "KEY=value". May sleep.
    /// Nobody is told if there is no memory for that.
    pub fn changed(&self, what: &CStr) {
        // SAFETY: Added in `new`, and there until `drop`. The text is only read.
        unsafe {
            let dev = (*self.0.as_ptr()).dev.get();
            ext::accel_helper_device_changed(dev, what.as_char_ptr().cast_mut());
        }
    }
}

impl<O: Operations> Drop for Registration<O> {
    fn drop(&mut self) {
        // SAFETY: Added in `new`; the first reference is ours.
        unsafe {
            let node = self.0.as_ptr();
            let (dev, cdev) = ((*node).dev.get(), (*node).cdev.get());
            bindings::cdev_device_del(cdev, dev);
            bindings::put_device(dev);
        }
    }
}

/// Returns the page offset that mmap(2) was given.
pub fn page_offset(vma: &VmaNew) -> usize {
    // SAFETY: The VMA is valid.
    unsafe { (*vma.as_ptr()).vm_pgoff }
}
