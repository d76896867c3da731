// SPDX-License-Identifier: GPL-2.0

//! Being called when one fence after the other is signalled, without an allocation for each.
//!
//! C header: [`include/linux/dma-fence.h`](srctree/include/linux/dma-fence.h)

use kernel::{
    bindings,
    container_of,
    error::to_result,
    prelude::*,
    sync::aref::ARef,
    types::Opaque, //
};

use crate::{
    dma_fence::Fence,
    dma_fence_callback::Handler,
    module_use::ModuleUse, //
};

/// What is watched, and who is called.
struct Watched<H> {
    fence: ARef<Fence>,
    handler: H,
}

/// A place for a callback, which can be used again and again.
///
/// # Invariants
///
/// While `cb` is on a fence, that is the one of `watched`, which does not change.
#[pin_data(PinnedDrop)]
pub struct Watch<H: Handler> {
    #[pin]
    cb: Opaque<bindings::dma_fence_cb>,
    #[pin]
    watched: Opaque<Option<Watched<H>>>,
    /// Dropped last: the code of the handler is in it.
    _module: ModuleUse,
}

// SAFETY: A callback is made to be called from anywhere; `H` is `Send + Sync`.
unsafe impl<H: Handler> Send for Watch<H> {}
// SAFETY: As above; `&Watch` gives access to nothing.
unsafe impl<H: Handler> Sync for Watch<H> {}

impl<H: Handler> Watch<H> {
    /// Makes a place where nothing is watched.
    ///
    /// # Errors
    ///
    /// ENODEV: the module of `H` is being removed.
    pub fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _module: ModuleUse::new(H::owner())?,
            cb: Opaque::uninit(),
            watched <- Opaque::ffi_init(|slot: *mut Option<Watched<H>>| {
                // SAFETY: Valid for writes.
                unsafe { slot.write(None) }
            }),
        }? Error)
    }

    /// Has `handler` called exactly once when `fence` is signalled, unless it is taken back before;
    /// what was watched before is not any more. If `fence` is signalled already, nobody is called
    /// and false is returned. Process context; not in a callback of what was watched before.
    pub fn watch(mut self: Pin<&mut Self>, fence: &Fence, handler: H) -> bool {
        self.as_mut().clear();
        let fence = ARef::from(fence);
        let raw = fence.as_raw();
        // SAFETY: Not on a fence, so that we may change it. `clear` takes the callback back before
        // what it uses goes away; `func` matches.
        unsafe {
            self.watched.get().write(Some(Watched { fence, handler }));
            let ret = bindings::dma_fence_add_callback(raw, self.cb.get(), Some(Self::func));
            if to_result(ret).is_ok() {
                return true;
            }
        }
        // -ENOENT, as nothing else can be wrong.
        self.clear();
        false
    }

    /// Takes it back, whether it was called or not. When this returns it is not being called.
    pub fn clear(self: Pin<&mut Self>) {
        let watched = self.watched.get();
        // SAFETY: By the type invariants `cb` was given to the fence, if there is one; removing it
        // waits for a call that is under way, by the lock of the fence. After that nobody else
        // knows of `watched`.
        unsafe {
            if let Some(watched) = &*watched {
                bindings::dma_fence_remove_callback(watched.fence.as_raw(), self.cb.get());
            }
            *watched = None;
        }
    }

    /// # Safety
    ///
    /// `cb` must be the field of a `Watch<H>` on `fence`, which is being signalled.
    unsafe extern "C" fn func(fence: *mut bindings::dma_fence, cb: *mut bindings::dma_fence_cb) {
        // SAFETY: By the requirements, and by the type invariants nobody changes `watched`.
        unsafe {
            let this = container_of!(Opaque::cast_from(cb), Self, cb);
            if let Some(watched) = &*Opaque::cast_into(&raw const (*this).watched) {
                watched.handler.signaled(Fence::from_raw(fence));
            }
        }
    }
}

#[pinned_drop]
impl<H: Handler> PinnedDrop for Watch<H> {
    fn drop(self: Pin<&mut Self>) {
        self.clear();
    }
}

#[kunit_tests(accel_dma_fence_watch)]
mod tests {
    use super::*;
    use crate::dma_fence_context::{
        ArmedFence,
        FenceContext,
        UnarmedFence, //
    };
    use kernel::{
        sync::{
            atomic::{
                Atomic,
                Relaxed, //
            },
            Arc, //
        }, //
    };

    /// As if built in: the tests drop all of their callbacks.
    // SAFETY: What `THIS_MODULE` is in code that is built in.
    const MODULE: ThisModule = unsafe { ThisModule::from_ptr(core::ptr::null_mut()) };

    /// Counts how often it is called.
    struct Count(Arc<Atomic<u32>>);

    impl Handler for Count {
        fn owner() -> &'static ThisModule {
            &MODULE
        }

        fn signaled(&self, fence: &Fence) {
            assert!(fence.is_signaled());
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn arm(context: &FenceContext) -> Result<ArmedFence> {
        Ok(context.arm(UnarmedFence::new(GFP_KERNEL)?))
    }

    #[test]
    fn one_fence_is_watched_after_the_other() -> Result {
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let calls = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let mut watch = KBox::pin_init(Watch::new(), GFP_KERNEL)?;
        for i in 1..=3 {
            let armed = arm(&context)?;
            assert!(watch.as_mut().watch(armed.fence(), Count(calls.clone())));
            assert_eq!(calls.load(Relaxed), i - 1);
            armed.signal(Ok(()));
            assert_eq!(calls.load(Relaxed), i);
        }
        Ok(())
    }

    #[test]
    fn nobody_is_called_for_a_signaled_fence() -> Result {
        let calls = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let mut watch = KBox::pin_init(Watch::new(), GFP_KERNEL)?;
        let handler = Count(calls.clone());
        assert!(!watch.as_mut().watch(&Fence::signaled(), handler));
        assert_eq!(calls.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn what_is_taken_back_is_not_called() -> Result {
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let calls = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let mut watch = KBox::pin_init(Watch::new(), GFP_KERNEL)?;
        let (a, b, c) = (arm(&context)?, arm(&context)?, arm(&context)?);
        assert!(watch.as_mut().watch(a.fence(), Count(calls.clone())));
        assert!(watch.as_mut().watch(b.fence(), Count(calls.clone())));
        a.signal(Ok(()));
        watch.as_mut().clear();
        b.signal(Ok(()));
        assert!(watch.as_mut().watch(c.fence(), Count(calls.clone())));
        drop(watch);
        c.signal(Ok(()));
        assert_eq!(calls.load(Relaxed), 0);
        Ok(())
    }
}
