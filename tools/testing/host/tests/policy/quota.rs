// SPDX-License-Identifier: GPL-2.0
//! What a client may have.

use crate::limits::{Exceeded, Limits, Quota, Resource};
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    jobs: 5,
    queues: 3,
    contexts: 2,
};

fn resource() -> impl Strategy<Value = (Resource, u32)> {
    prop_oneof![
        Just((Resource::Jobs, LIMITS.jobs)),
        Just((Resource::Queues, LIMITS.queues)),
        Just((Resource::Contexts, LIMITS.contexts)),
    ]
}

proptest! {
    /// A client has what it was given and has not given back, and never more than it may have.
    #[test]
    fn nobody_has_too_much(
        steps in prop::collection::vec((resource(), prop_oneof![0..4u32, any::<u32>()], any::<u8>()), 0..100)
    ) {
        let mut quota = Quota::new(LIMITS);
        let mut taken = Vec::new();
        for ((resource, limit), count, which) in steps {
            let sum = |taken: &[(Resource, u32, _)]| -> u32 {
                taken.iter().filter(|t| t.0 == resource).map(|t| t.1).sum()
            };
            if which % 2 == 0 {
                let has = sum(&taken);
                let fits = u64::from(has) + u64::from(count) <= limit.into();
                match quota.take(resource, count) {
                    Ok(token) => {
                        prop_assert!(fits);
                        taken.push((resource, count, token));
                    }
                    Err(exceeded) => {
                        prop_assert!(!fits);
                        prop_assert_eq!(exceeded, Exceeded { resource, limit });
                    }
                }
            } else if !taken.is_empty() {
                let which = usize::from(which) % taken.len();
                let (resource, mut count, mut token) = taken.swap_remove(which);
                if let Some(part) = token.split(1) {
                    quota.give(part);
                    count -= 1;
                    taken.push((resource, count, token));
                } else {
                    quota.give(token);
                }
            }
            prop_assert_eq!(quota.used(resource), sum(&taken));
        }
    }
}

/// What a client has stays when its limits are lowered; it gets no more.
#[test]
fn lower_limits_take_nothing_away() {
    let mut quota = Quota::new(Limits::DEFAULT);
    let taken = quota.take(Resource::Jobs, 10).unwrap();
    quota.set_limits(LIMITS);
    assert_eq!(quota.used(Resource::Jobs), 10);
    let limit = LIMITS.jobs;
    let refused = quota.take(Resource::Jobs, 1);
    assert_eq!(
        refused.unwrap_err(),
        Exceeded {
            resource: Resource::Jobs,
            limit
        }
    );
    quota.give(taken);
    assert!(quota.take(Resource::Jobs, limit).is_ok());
}
