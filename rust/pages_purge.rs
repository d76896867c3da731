// SPDX-License-Identifier: GPL-2.0

//! Taking [`Pages`] back while they exist: for memory that its user does not need, when the system is
//! short of it.
//!
//! A page that a fault is about to show is locked until it is shown, so nothing is shown once all
//! pages are locked here. A mapping that is only being made cannot be found: who makes one while
//! its pages are taken back may keep what it shows. Nobody else gets these pages before.
//!
//! C header: [`include/linux/pagemap.h`](srctree/include/linux/pagemap.h)

use kernel::{
    bindings,
    prelude::*,
    sync::Arc, //
};

use crate::{
    bindings as ext,
    pages::{
        Caching,
        Pages, //
    },
};

/// Pages that nobody uses any more, but that are not given back yet.
///
/// # Invariants
///
/// The gate is closed, and all pages are locked.
pub(crate) struct Closed<'a>(&'a Pages);

impl Pages {
    /// Gives the pages back, if nobody but user mappings uses them, which get SIGBUS from now on;
    /// returns whether it did. Only tries to take locks, allocates nothing.
    pub fn purge(&self) -> bool {
        self.close(0).map(Closed::free).is_some()
    }

    /// Returns whether they were given back.
    pub fn is_purged(&self) -> bool {
        self.gate().is_closed()
    }

    /// Returns whether they are of a kind that can be given back.
    pub fn can_purge(&self) -> bool {
        // To change caching can take memory.
        self.can_map() && self.caching() == Caching::Cached
    }

    /// Closes them, if nobody uses them but user mappings and `staying` users of the caller.
    pub(crate) fn close(&self, staying: u32) -> Option<Closed<'_>> {
        if !self.can_purge() || !self.gate().close(staying) {
            return None;
        }
        // SAFETY: The pages are ours still.
        let is_locked = |page: &*mut _| unsafe { ext::accel_helper_trylock_page(*page) };
        let locked = self.lockable().take_while(is_locked).count();
        if locked == self.lockable().count() {
            // INVARIANT: Just closed and locked.
            return Some(Closed(self));
        }
        for page in self.lockable().take(locked) {
            // SAFETY: Just locked.
            unsafe { bindings::unlock_page(page) };
        }
        self.gate().reopen();
        None
    }

    /// Returns a page of each folio, and each page that is of none.
    fn lockable(&self) -> impl Iterator<Item = *mut bindings::page> + '_ {
        self.blocks().flat_map(|(first, len)| {
            let count = if len.is_power_of_two() { 1 } else { len };
            (0..count).map(move |index| first.wrapping_add(index))
        })
    }
}

/// Pages that are not given back while this exists.
///
/// # Invariants
///
/// We are inside of them.
pub struct Hold(Arc<Pages>);

impl Hold {
    /// Holds pages. EINVAL: they were given back.
    pub fn new(pages: &Arc<Pages>) -> Result<Self> {
        match pages.gate().enter_to_stay() {
            // INVARIANT: We just came in.
            true => Ok(Self(pages.clone())),
            false => Err(EINVAL),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.gate().leave();
    }
}

impl Closed<'_> {
    /// Gives the pages back.
    pub(crate) fn free(self) {
        if let Some(place) = self.0.place().as_ref() {
            place.zap(self.0.count());
        }
        for page in self.0.lockable() {
            // SAFETY: By the type invariants.
            unsafe { bindings::unlock_page(page) };
        }
        // SAFETY: By the type invariants nobody uses them, and nobody closed them before.
        unsafe { self.0.free() };
    }
}

#[kunit_tests(accel_pages_purge)]
mod tests {
    use super::*;
    use kernel::page::PAGE_SIZE;

    #[test]
    fn what_was_given_back_is_gone() -> Result {
        for pages in [
            Pages::scattered(3, Caching::Cached)?,
            Pages::contiguous(3, Caching::Cached)?,
            Pages::contiguous(4, Caching::Cached)?,
        ] {
            assert!(!pages.is_purged() && pages.purge() && pages.is_purged());
            assert!(!pages.purge());
            assert_eq!(pages.read(0, &mut [0]), Err(EINVAL));
            assert_eq!(pages.write(PAGE_SIZE, &[0]), Err(EINVAL));
            pages.fill(1);
        }
        Ok(())
    }

    #[test]
    fn what_is_used_stays() -> Result {
        let pages = Pages::scattered(3, Caching::Cached)?;
        let inside = pages.gate().enter();
        assert!(inside.is_some() && !pages.purge());
        drop(inside);
        let last = pages.page(2).ok_or(EINVAL)?;
        // SAFETY: The page is ours.
        assert!(unsafe { ext::accel_helper_trylock_page(last) });
        assert!(!pages.purge() && !pages.is_purged());
        // SAFETY: Just locked.
        unsafe { bindings::unlock_page(last) };
        assert!(pages.gate().keep() && !pages.purge());
        pages.read(0, &mut [0])
    }

    #[test]
    fn what_is_held_stays() -> Result {
        let pages = Arc::new(Pages::scattered(3, Caching::Cached)?, GFP_KERNEL)?;
        let holds = (Hold::new(&pages)?, Hold::new(&pages)?);
        drop(holds.0);
        assert!(!pages.purge() && !pages.is_purged());
        drop(holds.1);
        assert!(pages.purge());
        assert!(Hold::new(&pages).is_err());
        Ok(())
    }

    #[test]
    fn write_combined_pages_stay() -> Result {
        let pages = Pages::scattered(1, Caching::WriteCombined)?;
        assert!(!pages.can_purge() && !pages.purge());
        Ok(())
    }
}
