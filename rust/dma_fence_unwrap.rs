// SPDX-License-Identifier: GPL-2.0

//! Several fences as one.
//!
//! C header: [`include/linux/dma-fence-unwrap.h`](srctree/include/linux/dma-fence-unwrap.h)

use kernel::{
    prelude::*,
    sync::aref::ARef, //
};

use crate::{
    bindings as ext,
    dma_fence::Fence, //
};

/// How many are merged at once. Each may consist of many others, and the kernel makes an array of all
/// before it finds out that most of these are the same.
const AT_ONCE: usize = 8;

/// Returns a fence that is signalled when all of `fences` are. May sleep.
///
/// Fences that consist of others are taken apart first. Its error is that of one that fails from
/// now on; errors of fences that are signalled already are not in it.
///
/// The result may not be put into a `dma_resv`, which holds single fences.
///
/// # Errors
///
/// ENOMEM.
pub fn merge(fences: &[ARef<Fence>]) -> Result<ARef<Fence>> {
    if fences.len() <= AT_ONCE {
        return merge_few(fences);
    }
    let mut merged = KVec::with_capacity(fences.len().div_ceil(AT_ONCE), GFP_KERNEL)?;
    for few in fences.chunks(AT_ONCE) {
        merged.push(merge_few(few)?, GFP_KERNEL)?;
    }
    merge(&merged)
}

fn merge_few(fences: &[ARef<Fence>]) -> Result<ARef<Fence>> {
    // SAFETY: An `ARef` is a pointer to a valid fence. The array is only read; what is returned is
    // a reference for us.
    unsafe {
        let array = fences.as_ptr().cast_mut().cast();
        let merged = ext::accel_helper_dma_fence_merge(array, fences.len());
        Fence::from_owned(merged).ok_or(ENOMEM)
    }
}

#[kunit_tests(accel_dma_fence_unwrap)]
mod tests {
    use super::*;
    use crate::dma_fence_context::{
        FenceContext,
        UnarmedFence, //
    };

    /// The error comes by an irq_work.
    const DEADLINE: u64 = u64::MAX;

    #[test]
    fn nothing_is_signaled() -> Result {
        assert!(merge(&[])?.is_signaled());
        assert!(merge(&[Fence::signaled(), Fence::signaled()])?.is_signaled());
        Ok(())
    }

    #[test]
    fn all_must_be_signaled() -> Result {
        let contexts = [
            FenceContext::new(c"kunit", c"a")?,
            FenceContext::new(c"kunit", c"b")?,
        ];
        let a = contexts[0].arm(UnarmedFence::new(GFP_KERNEL)?);
        let b = contexts[1].arm(UnarmedFence::new(GFP_KERNEL)?);
        let fences = [a.fence().into(), b.fence().into(), Fence::signaled()];
        let merged = merge(&fences)?;
        let twice = merge(&[merged.clone(), merged.clone()])?;
        a.signal(Ok(()));
        assert!(!merged.is_signaled() && !twice.is_signaled());
        b.signal(Err(EIO));
        merged.wait_uninterruptible(DEADLINE)?;
        twice.wait_uninterruptible(DEADLINE)?;
        Ok(())
    }

    #[test]
    fn the_last_of_a_context_stands_for_many() -> Result {
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let mut armed = KVec::new();
        let mut fences = KVec::new();
        for _ in 0..100 {
            armed.push(context.arm(UnarmedFence::new(GFP_KERNEL)?), GFP_KERNEL)?;
        }
        for armed in &armed {
            fences.push(armed.fence().into(), GFP_KERNEL)?;
        }
        let merged = merge(&fences)?;
        assert_eq!(merged.as_raw(), fences[99].as_raw());
        Ok(())
    }

    #[test]
    fn one_is_itself() -> Result {
        let context = FenceContext::new(c"kunit", c"timeline")?;
        let armed = context.arm(UnarmedFence::new(GFP_KERNEL)?);
        let merged = merge(&[Fence::signaled(), armed.fence().into()])?;
        assert_eq!(merged.as_raw(), armed.fence().as_raw());
        Ok(())
    }
}
