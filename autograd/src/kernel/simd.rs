//! Which vector instructions the machine has, and compiling a loop for each of them.
//!
//! The binary is built for the oldest processor of its kind; what the one it runs on can do is asked once.
//! A [`Kernel`] is a closure with its type spelt out: [`dispatch`] compiles its body three times, for the
//! baseline, for AVX2 with fused multiply-add, and for AVX-512, and calls the best one. The body is plain
//! Rust: because it is inlined into a function compiled for wide registers, its loops vectorise.
//!
//! Except for matrix products, a kernel must give the same bits at every level: it writes `mul_add` for
//! every fused step and fixes the order of every sum itself.
//!
//! ```
//! use autograd::Real;
//! use autograd::kernel::simd::{Kernel, dispatch};
//!
//! struct Exp<'a, T>(&'a mut [T]);
//! impl<T: Real> Kernel for Exp<'_, T> {
//!     type Output = ();
//!     #[inline(always)]
//!     fn run(self) {
//!         for x in self.0 {
//!             *x = x.exp();
//!         }
//!     }
//! }
//!
//! let mut values = [0.0f32, f32::NEG_INFINITY];
//! dispatch(Exp(&mut values));
//! assert_eq!(values, [1.0, 0.0]);
//! ```

use std::sync::atomic::{AtomicU8, Ordering};

/// A set of vector instructions, each including the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// What every processor of the target has (for x86-64: SSE2, without fused multiply-add).
    Portable = 1,
    /// AVX2 and FMA: 256-bit registers.
    Avx2 = 2,
    /// AVX-512 F, BW, DQ, VL: 512-bit registers.
    Avx512 = 3,
}

/// The level in use; 0 until first asked.
static CURRENT: AtomicU8 = AtomicU8::new(0);

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// The name: `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// The highest level of this machine.
    pub fn supported() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            match (avx2, avx512) {
                (true, true) => Level::Avx512,
                (true, false) => Level::Avx2,
                (false, _) => Level::Portable,
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Level::Portable
    }

    /// The levels of this machine, lowest first.
    pub fn available() -> impl Iterator<Item = Level> {
        let best = Level::supported();
        Level::ALL.into_iter().filter(move |&level| level <= best)
    }

    /// The level in use: the highest of this machine, unless the environment variable `AUTOGRAD_SIMD`
    /// (`portable`, `avx2` or `avx512`, read once) or [`Level::force`] asks for a lower one.
    #[inline]
    pub fn detect() -> Level {
        Level::from_u8(CURRENT.load(Ordering::Relaxed)).unwrap_or_else(Level::detect_first)
    }

    #[cold]
    fn detect_first() -> Level {
        let asked = std::env::var("AUTOGRAD_SIMD").ok();
        let level = Level::from_request(asked.as_deref(), Level::supported());
        CURRENT.store(level as u8, Ordering::Relaxed);
        level
    }

    /// The level asked for by name, but at most `supported`. An unknown name asks for nothing.
    fn from_request(name: Option<&str>, supported: Level) -> Level {
        let asked = Level::ALL.into_iter().find(|level| Some(level.name()) == name);
        asked.unwrap_or(supported).min(supported)
    }

    /// From now on use at most `level`, in every thread; returns the level in use, which is lower if the
    /// machine has less. For study and measurement.
    pub fn force(level: Level) -> Level {
        let level = level.min(Level::supported());
        CURRENT.store(level as u8, Ordering::Relaxed);
        level
    }

    fn from_u8(value: u8) -> Option<Level> {
        Level::ALL.into_iter().find(|&level| level as u8 == value)
    }
}

/// A computation that [`dispatch`] compiles once for each [`Level`].
pub trait Kernel {
    /// The result.
    type Output;
    /// The computation. Write `#[inline(always)]` on it and on everything hot that it calls: only what is
    /// inlined is compiled for the wide registers.
    fn run(self) -> Self::Output;
}

/// Runs `kernel` with the instructions of the level in use.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(Level::detect(), kernel)
}

/// Runs `kernel` with the instructions of `level`, or of the machine if it has less.
#[inline]
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        // `supported` only reads a cached word.
        match level.min(Level::supported()) {
            // SAFETY: the machine has AVX-512 F, BW, DQ, VL, AVX2 and FMA, `supported` says.
            Level::Avx512 => unsafe { run_avx512(kernel) },
            // SAFETY: the machine has AVX2 and FMA, `supported` says.
            Level::Avx2 => unsafe { run_avx2(kernel) },
            Level::Portable => kernel.run(),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = level;
        kernel.run()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_only_lowers() {
        let of = |name| Level::from_request(name, Level::Avx2);
        assert_eq!(of(None), Level::Avx2);
        assert_eq!(of(Some("portable")), Level::Portable);
        assert_eq!(of(Some("avx512")), Level::Avx2);
        assert_eq!(of(Some("neon")), Level::Avx2);
    }

    #[test]
    fn detection_is_cached_and_available() {
        let level = Level::detect();
        assert_eq!(Level::detect(), level);
        assert!(Level::available().any(|available| available == level));
        assert_eq!(Level::available().next(), Some(Level::Portable));
    }

    #[test]
    fn every_level_runs_the_kernel() {
        struct Sum<'a>(&'a [u32]);
        impl Kernel for Sum<'_> {
            type Output = u32;
            #[inline(always)]
            fn run(self) -> u32 {
                self.0.iter().sum()
            }
        }
        for level in Level::ALL {
            assert_eq!(dispatch_at(level, Sum(&[1, 2, 39])), 42);
        }
    }
}
