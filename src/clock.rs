//! The only reader of time and of chance. Everything else takes instants and nonces as arguments, so that a test is a
//! table and needs no waiting.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock, for texts that people and other programs read.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// Seconds since 1970. A clock before that says 0.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Milliseconds of the coarse monotonic clock (4 ms steps, no system call). Cheap enough to read per chunk; it wraps
/// after 49 days, so use only differences.
pub fn coarse_ms() -> u32 {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "wraps, as documented")]
    let ms = (time.tv_sec as u32).wrapping_mul(1000).wrapping_add((time.tv_nsec / 1_000_000) as u32);
    ms
}

/// What the clocks say at one moment; two of these tell whether the machine slept in between.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Does not advance while the machine is suspended.
    pub monotonic: Duration,
    /// Advances while the machine is suspended (`CLOCK_BOOTTIME`, `man 2 clock_gettime`).
    pub boot: Duration,
    /// The wall clock since 1970; in a WSL VM it is corrected after the host woke up.
    pub wall: Duration,
}

/// A wall clock that runs ahead of the monotonic one by more than this was set, not kept: the machine slept.
const WALL_JUMP: Duration = Duration::from_secs(10);
/// `CLOCK_BOOTTIME` drifts from `CLOCK_MONOTONIC` by suspension only, so a small jump is proof enough.
const BOOT_JUMP: Duration = Duration::from_secs(3);

impl Reading {
    pub fn take() -> Self {
        let wall = wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { monotonic: read(ClockId::Monotonic), boot: read(ClockId::Boottime), wall }
    }

    /// How long the machine slept since `earlier`, when it did.
    pub fn slept_since(&self, earlier: &Self) -> Option<Duration> {
        let awake = self.monotonic.saturating_sub(earlier.monotonic);
        let boot = self.boot.saturating_sub(earlier.boot).saturating_sub(awake);
        let wall = self.wall.saturating_sub(earlier.wall).saturating_sub(awake);
        if boot > BOOT_JUMP || wall > WALL_JUMP { Some(boot.max(wall)) } else { None }
    }
}

fn read(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "these clocks are not negative")]
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// An unguessable word, new at every call. Not for cryptography: it recognises our own probe when it comes back.
pub fn nonce() -> String {
    let word = || RandomState::new().hash_one(0u8);
    format!("{:016x}{:016x}", word(), word())
}

/// A secret that nobody can guess: 32 bytes of the kernel's generator, in hexadecimal (`getrandom(2)`).
///
/// # Errors
/// A kernel before 3.17, or a filter of system calls, has none.
pub fn secret() -> std::io::Result<String> {
    let mut bytes = [0u8; 32];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(monotonic: u64, boot: u64, wall: u64) -> Reading {
        let s = Duration::from_secs;
        Reading { monotonic: s(monotonic), boot: s(boot), wall: s(wall) }
    }

    #[track_caller]
    fn check(earlier: Reading, later: Reading, slept: Option<u64>) {
        assert_eq!(later.slept_since(&earlier), slept.map(Duration::from_secs));
    }

    #[test]
    fn clocks_that_run_together_mean_awake() {
        check(reading(100, 100, 1000), reading(105, 105, 1005), None);
    }

    #[test]
    fn a_boot_clock_ahead_of_the_monotonic_one_means_sleep() {
        check(reading(100, 100, 1000), reading(105, 705, 1005), Some(600));
    }

    #[test]
    fn a_wall_clock_that_jumped_means_sleep() {
        check(reading(100, 100, 1000), reading(105, 105, 4605), Some(3600));
    }

    #[test]
    fn a_small_correction_of_the_wall_clock_is_not_sleep() {
        check(reading(100, 100, 1000), reading(105, 105, 1012), None);
    }

    #[test]
    fn a_wall_clock_set_back_is_not_sleep() {
        check(reading(100, 100, 1000), reading(105, 105, 10), None);
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce(), nonce());
    }
}
