//! Guards that a test can switch off, so that it can prove that it would notice their loss.
//!
//! Only a unit test can switch anything off: in every other build [`is_off`] is `false`, known when it is compiled, and
//! nothing of this is left in the program. Source: `TWO_PERSON` 10.3.

/// A guard of the two-person rule. Where one is doubled, its name switches both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// People are counted, each once, and not their confirms.
    People,
    /// Proposer and executor do not confirm.
    Distinct,
    /// The executor named in the proposal goes, and nobody else.
    Executor,
    /// A statement is about this very proposal and no other.
    Statement,
    /// What is run is what was reviewed.
    Plan,
    /// The policy in force is the one that was in force at the proposal.
    Policy,
    /// What was armed before a restart is not armed after it.
    Restart,
    /// One attempt at something destructive at a time.
    Exclusive,
    /// A proposal has an end, and an armed one sooner.
    Expiry,
    /// A step of the wall clock ends what is armed.
    ClockStep,
    /// Everybody in a proposal stays until go.
    Presence,
    /// Nothing runs while a guard is not known to be good.
    Metric,
    /// An unknown outcome is resolved by two people.
    Resolve,
    /// A rejected proposal is over.
    Reject,
    /// Evidence is at least as strong as its class asks.
    Evidence,
    /// A key that was revoked speaks for nobody.
    Key,
    /// Who was revoked has no role.
    Person,
    /// Who confirms has said first what is about to be touched.
    Check,
    /// A break-glass waits until its countdown is over on both clocks.
    GlassWait,
    /// A break-glass needs its page, or the longer wait.
    GlassPage,
    /// One person has somebody paged for a break-glass a few times an hour, and no more.
    GlassPages,
    /// A break-glass is known outside the host before anything runs.
    GlassWitness,
    /// A break-glass needs strong evidence.
    GlassEvidence,
    /// A break-glass that was vetoed is over.
    GlassVeto,
    /// Who expects something else to be touched ends the proposal.
    Mismatch,
    /// Another session of the scope is in the way.
    Scope,
}

/// True while a test has switched a guard off; never outside of tests.
#[cfg(not(test))]
pub(crate) const fn is_off(_: Guard) -> bool {
    false
}

#[cfg(test)]
pub(crate) use switch::{Off, is_off};

#[cfg(test)]
mod switch {
    use super::Guard;
    use std::cell::Cell;

    thread_local! {
        // Of one thread: tests that run beside each other do not disturb each other.
        static OFF: Cell<Option<Guard>> = const { Cell::new(None) };
    }

    /// True while this thread has switched a guard off.
    pub(crate) fn is_off(guard: Guard) -> bool {
        OFF.get() == Some(guard)
    }

    /// A guard is off in this thread as long as the value lives.
    #[derive(Debug)]
    pub(crate) struct Off(());

    impl Off {
        pub(crate) fn new(guard: Option<Guard>) -> Self {
            OFF.set(guard);
            Self(())
        }
    }

    impl Drop for Off {
        fn drop(&mut self) {
            OFF.set(None);
        }
    }

    #[test]
    fn a_guard_is_off_in_one_thread_for_a_while() {
        assert!(!is_off(Guard::Expiry));
        let off = Off::new(Some(Guard::Expiry));
        assert!(is_off(Guard::Expiry) && !is_off(Guard::People));
        let elsewhere = std::thread::spawn(|| is_off(Guard::Expiry));
        assert!(!elsewhere.join().expect("ends"));
        drop(off);
        assert!(!is_off(Guard::Expiry));
    }
}
