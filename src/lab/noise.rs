//! Small seeded noise: the same seed gives the same demo, and tests need no tolerance for luck.

/// An xorshift generator. Good enough for texture on a chart, and for nothing that needs to be secret.
#[derive(Debug, Clone)]
pub(super) struct Noise(u64);

impl Noise {
    /// Any seed is good; zero, which xorshift cannot leave, is replaced.
    pub(super) const fn new(seed: u64) -> Self {
        Self(if seed == 0 {
            0x9E37_79B9_7F4A_7C15
        } else {
            seed
        })
    }

    /// Evenly spread between -1 and 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let top = u32::try_from(self.0 >> 32).unwrap_or(u32::MAX);
        f64::from(top) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}

/// A value that wanders around zero and is pulled back to it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Drift(f64);

impl Drift {
    /// How far it may wander: beyond that a chart looks like an incident.
    const MAX: f64 = 2.0;

    /// Goes on by `dt` seconds; `tau` seconds is how long it remembers. Usually stays between -1 and 1.
    pub(super) fn step(&mut self, dt: f64, tau: f64, noise: &mut Noise) -> f64 {
        let pull = -self.0 * dt / tau;
        // An even spread between -1 and 1 has variance 1/3; with the 6 the wandering has a standard deviation of 1.
        let push = (6.0 * dt / tau).sqrt() * noise.next();
        self.0 = (self.0 + pull + push).clamp(-Self::MAX, Self::MAX);
        self.0
    }

    /// Where it is.
    pub(super) const fn value(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_noise_and_it_stays_near_zero() {
        let (mut a, mut b) = (Noise::new(7), Noise::new(7));
        let mut drift = Drift::default();
        let mut sum = 0.0;
        for _ in 0..10_000 {
            let value = a.next();
            assert!((value - b.next()).abs() < f64::EPSILON);
            assert!((-1.0..=1.0).contains(&value));
            sum += drift.step(0.1, 5.0, &mut a);
            b = a.clone();
        }
        assert!((sum / 10_000.0).abs() < 0.5, "{sum}");
    }

    #[test]
    fn a_seed_of_zero_is_not_silent() {
        let mut noise = Noise::new(0);
        assert!((noise.next() - noise.next()).abs() > f64::EPSILON);
    }
}
