// SPDX-License-Identifier: GPL-2.0

//! Being called when a fence is signalled.
//!
//! C header: [`include/linux/dma-fence.h`](srctree/include/linux/dma-fence.h)

use core::{
    convert::Infallible,
    mem::MaybeUninit, //
};
use kernel::{
    alloc::Flags,
    bindings,
    container_of,
    error::to_result,
    prelude::*,
    sync::aref::ARef,
    types::Opaque, //
};

use crate::{
    dma_fence::Fence,
    module_use::ModuleUse, //
};

/// What to do when a fence is signalled.
pub trait Handler: Send + Sync + 'static {
    /// Returns the module whose code this is; in use while a [`Callback`] exists. A function of that
    /// module, not inlined: see [`module_use`](crate::module_use).
    fn owner() -> &'static ThisModule;

    /// Does it. Interrupts are off and the lock of `fence` is held: nothing may sleep, and neither
    /// may another fence be signalled nor a [`Callback`] be dropped here. Queue work for that.
    fn signaled(&self, fence: &Fence);
}

/// What a [`Callback`] needs, before there is a fence: nothing is left to fail then.
pub struct UnattachedCallback<H: Handler> {
    place: KBox<MaybeUninit<Callback<H>>>,
    module: ModuleUse,
}

impl<H: Handler> UnattachedCallback<H> {
    /// Allocates it.
    ///
    /// # Errors
    ///
    /// ENOMEM; ENODEV: the module is being removed.
    pub fn new(flags: Flags) -> Result<Self> {
        Ok(Self {
            place: KBox::new_uninit(flags)?,
            module: ModuleUse::new(H::owner())?,
        })
    }

    /// As [`Callback::new`], but does not fail.
    pub fn attach(self, fence: &Fence, handler: H) -> Pin<KBox<Callback<H>>> {
        let callback = Callback::with_module::<Infallible>(Ok(self.module), fence, handler);
        match self.place.write_pin_init(callback) {
            Ok(callback) => callback,
            Err(never) => match never {},
        }
    }
}

/// The wish to be called; taken back when dropped.
///
/// # Invariants
///
/// `cb` was given to `dma_fence_add_callback()` of `fence`.
#[pin_data(PinnedDrop)]
pub struct Callback<H: Handler> {
    #[pin]
    cb: Opaque<bindings::dma_fence_cb>,
    fence: ARef<Fence>,
    handler: H,
    /// Dropped last: the code of the handler is in it.
    module: ModuleUse,
}

// SAFETY: A callback is made to be called from anywhere; `H` is `Send + Sync`.
unsafe impl<H: Handler> Send for Callback<H> {}
// SAFETY: As above.
unsafe impl<H: Handler> Sync for Callback<H> {}

impl<H: Handler> Callback<H> {
    /// Has `handler` called exactly once when `fence` is signalled, or by this if it is already,
    /// unless the result is dropped before. Callbacks of a fence are called in the order they were
    /// made in. Any context (but the callbacks of `fence`).
    ///
    /// # Errors
    ///
    /// ENODEV: the module is being removed.
    pub fn new(fence: &Fence, handler: H) -> impl PinInit<Self, Error> {
        Self::with_module(ModuleUse::new(H::owner()), fence, handler)
    }

    fn with_module<E: From<Infallible>>(
        module: Result<ModuleUse, E>,
        fence: &Fence,
        handler: H,
    ) -> impl PinInit<Self, E> {
        let fence = ARef::from(fence);
        try_pin_init!(Self {
            module: module?,
            handler,
            fence,
            cb: Opaque::uninit(),
            _: {
                let handler: &H = handler;
                let fence: &Fence = fence;
                // SAFETY: `cb` is pinned, and `drop` takes it back; `func` matches. What `func`
                // uses was initialised before.
                let ret = unsafe {
                    bindings::dma_fence_add_callback(fence.as_raw(), cb.get(), Some(Self::func))
                };
                // -ENOENT, as nothing else can be wrong. Now `drop` finds nothing to take back.
                if to_result(ret).is_err() {
                    handler.signaled(fence);
                }
            },
        }? E)
    }

    /// Returns what is called.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// Returns the fence.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// # Safety
    ///
    /// `cb` must be the field of a `Callback<H>` on `fence`, which is being signalled.
    unsafe extern "C" fn func(fence: *mut bindings::dma_fence, cb: *mut bindings::dma_fence_cb) {
        // SAFETY: By the requirements. Only the fields that were initialised before `cb` are used.
        unsafe {
            let this = container_of!(Opaque::cast_from(cb), Self, cb);
            (*this).handler.signaled(Fence::from_raw(fence));
        }
    }
}

#[pinned_drop]
impl<H: Handler> PinnedDrop for Callback<H> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants. It waits for a call that is under way, by the lock of the
        // fence.
        unsafe {
            bindings::dma_fence_remove_callback(self.fence.as_raw(), self.cb.get());
        }
    }
}

#[kunit_tests(accel_dma_fence_callback)]
mod tests {
    use super::*;
    use crate::dma_fence_context::{
        ArmedFence,
        FenceContext,
        UnarmedFence, //
    };
    use kernel::sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    };

    /// As if built in: the tests drop all of their callbacks.
    // SAFETY: What `THIS_MODULE` is in code that is built in.
    const MODULE: ThisModule = unsafe { ThisModule::from_ptr(core::ptr::null_mut()) };

    /// Appends its digit to a number, and notes the error.
    struct Digit {
        digit: u32,
        seen: Arc<Atomic<u32>>,
        expected: Result,
    }

    impl Handler for Digit {
        fn owner() -> &'static ThisModule {
            &MODULE
        }

        fn signaled(&self, fence: &Fence) {
            if fence.status() == Some(self.expected) {
                let seen = self.seen.load(Relaxed);
                self.seen.store(10 * seen + self.digit, Relaxed);
            }
        }
    }

    fn arm() -> Result<(FenceContext, ArmedFence)> {
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        Ok((context, armed))
    }

    fn digit(
        digit: u32,
        fence: &Fence,
        seen: &Arc<Atomic<u32>>,
        expected: Result,
    ) -> Result<Pin<KBox<Callback<Digit>>>> {
        let handler = Digit {
            digit,
            seen: seen.clone(),
            expected,
        };
        KBox::pin_init(Callback::new(fence, handler), GFP_KERNEL)
    }

    #[test]
    fn callbacks_are_called_in_order_and_once() -> Result {
        let seen = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let (context, armed) = arm()?;
        let callbacks = [
            digit(1, armed.fence(), &seen, Err(EIO))?,
            digit(2, armed.fence(), &seen, Err(EIO))?,
            digit(3, armed.fence(), &seen, Err(EIO))?,
        ];
        assert_eq!(seen.load(Relaxed), 0);
        armed.signal(Err(EIO));
        assert_eq!(seen.load(Relaxed), 123);
        context.close(ENODEV);
        drop(callbacks);
        assert_eq!(seen.load(Relaxed), 123);
        Ok(())
    }

    #[test]
    fn a_dropped_callback_is_not_called() -> Result {
        let seen = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let (_context, armed) = arm()?;
        let first = digit(1, armed.fence(), &seen, Ok(()))?;
        let _second = digit(2, armed.fence(), &seen, Ok(()))?;
        drop(first);
        armed.signal(Ok(()));
        assert_eq!(seen.load(Relaxed), 2);
        Ok(())
    }

    #[test]
    fn a_callback_can_be_allocated_before_its_fence() -> Result {
        let seen = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let rooms = [
            UnattachedCallback::new(GFP_KERNEL)?,
            UnattachedCallback::new(GFP_KERNEL)?,
        ];
        drop(UnattachedCallback::<Digit>::new(GFP_KERNEL)?);
        let (_context, armed) = arm()?;
        let [first, second] = [1, 2].map(|digit| Digit {
            digit,
            seen: seen.clone(),
            expected: Ok(()),
        });
        let [room, other] = rooms;
        let _first = room.attach(armed.fence(), first);
        drop(other.attach(armed.fence(), second));
        armed.signal(Ok(()));
        assert_eq!(seen.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn a_callback_of_a_signaled_fence_is_called_at_once() -> Result {
        let seen = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let _callback = digit(7, &Fence::signaled(), &seen, Ok(()))?;
        assert_eq!(seen.load(Relaxed), 7);
        Ok(())
    }
}
