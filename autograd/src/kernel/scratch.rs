//! Working memory of a thread, grown once.
//!
//! A kernel that needs a buffer in every call must not allocate in every call: a compiled plan allocates
//! nothing in steady state. Each thread keeps a buffer for each [`Purpose`], as large as the largest request
//! so far.

use super::aligned::Aligned;
use std::cell::RefCell;

/// What a buffer is for: work with one of them may ask for another.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// Operands of a product, in the order in which its loops read them.
    Packing,
    /// A panel of a product that is consumed at once.
    Panel,
    /// The registers of a tile program.
    Registers,
}

/// Numbers of which each thread keeps buffers.
pub trait Scratch: Sized {
    /// Calls `work` with `count` elements of unspecified value, the first at a line of the cache.
    ///
    /// # Panics
    /// If called from within `work` for the same purpose.
    fn with_scratch<R>(purpose: Purpose, count: usize, work: impl FnOnce(&mut [Self]) -> R) -> R;
}

macro_rules! scratch {
    ($type:ident) => {
        impl Scratch for $type {
            fn with_scratch<R>(purpose: Purpose, count: usize, work: impl FnOnce(&mut [Self]) -> R) -> R {
                thread_local! {
                    static BUFFERS: [RefCell<Aligned<$type>>; 3] =
                        const { [const { RefCell::new(Aligned::new()) }; 3] };
                }
                BUFFERS.with(|buffers| {
                    let mut buffer = buffers[purpose as usize].borrow_mut();
                    if buffer.len() < count {
                        buffer.resize(count);
                    }
                    work(&mut buffer[..count])
                })
            }
        }
    };
}
scratch!(f32);
scratch!(f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_grow_and_stand_side_by_side() {
        for count in [0, 1, 100, 7, 1000] {
            f64::with_scratch(Purpose::Packing, count, |outer| {
                outer.fill(1.0);
                f64::with_scratch(Purpose::Panel, count, |inner| inner.fill(2.0));
                f32::with_scratch(Purpose::Packing, count, |inner| assert_eq!(inner.len(), count));
                assert!(outer.iter().all(|&x| x == 1.0) && outer.len() == count);
            });
        }
    }
}
