// SPDX-License-Identifier: GPL-2.0

//! A point from when it has its place in a timeline until it is done: reserved, then backed by a
//! fence, or completed, or gone.

use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    dma_fence::Fence,
    dma_fence_callback::{
        Handler,
        UnattachedCallback, //
    }, //
};

use crate::timeline::Shared;

/// Completes a point when its fence is signalled, well or not.
pub(crate) struct FenceEnded {
    shared: Arc<Shared>,
    point: u64,
}

impl Handler for FenceEnded {
    fn owner() -> &'static ThisModule {
        crate::this_module()
    }

    fn signaled(&self, _fence: &Fence) {
        self.shared.change(|points| points.complete(self.point));
    }
}

/// The place of a point that was added and is not done. Dropped, it is as if it had never been added.
pub(crate) struct Place {
    shared: Arc<Shared>,
    point: u64,
    is_reserved: bool,
}

impl Place {
    pub(crate) fn new(shared: Arc<Shared>, point: u64) -> Self {
        Self {
            shared,
            point,
            is_reserved: true,
        }
    }

    /// The point is done. Any context.
    pub(crate) fn complete(mut self) {
        self.is_reserved = false;
        self.shared.change(|points| points.complete(self.point));
    }

    fn back(mut self, callback: UnattachedCallback<FenceEnded>, fence: &Fence) {
        self.is_reserved = false;
        let ended = FenceEnded {
            shared: self.shared.clone(),
            point: self.point,
        };
        // May be called before the point has it, even at once.
        let callback = callback.attach(fence, ended);
        let spare = self
            .shared
            .change(|points| points.back(self.point, callback));
        drop(spare);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_reserved {
            self.shared.change(|points| points.vanish(self.point));
        }
    }
}

/// A point that was added, and is to be backed. Dropped, it is as if it had never been added.
pub(crate) struct Reserved {
    place: Place,
    callback: UnattachedCallback<FenceEnded>,
}

impl Reserved {
    pub(crate) fn new(place: Place, callback: UnattachedCallback<FenceEnded>) -> Self {
        Self { place, callback }
    }

    /// The point is done when `fence`, which must be that of armed work, is signalled. Any context, but
    /// without the locks of fences.
    pub(crate) fn back(self, fence: &Fence) {
        self.place.back(self.callback, fence);
    }

    /// The point is done: what was to back it will never be, and nobody is to hang for that. Any
    /// context.
    #[cfg_attr(not(CONFIG_KUNIT = "y"), expect(dead_code))]
    pub(crate) fn complete(self) {
        self.place.complete();
    }
}
