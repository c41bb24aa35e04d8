//! One vector register as a type: what the register tile is written in.
//!
//! The three families have the same operations, so the tile is written once. Intrinsics rather than loops
//! over arrays: the accumulators must be registers whatever the optimiser thinks of a loop.

/// A vector of `T` in one register.
///
/// # Safety
/// Every function requires the instructions of its family. Pointers must be valid for
/// [`LANES`](Vector::LANES) elements, or for the unmasked ones.
pub(super) trait Vector<T>: Copy {
    /// Elements in a register.
    const LANES: usize;
    /// Which lanes take part.
    type Mask: Copy;
    /// Edge of the square that [`Vector::transpose`] moves.
    const SQUARE: usize;

    /// All lanes zero.
    unsafe fn zero() -> Self;
    /// All lanes `x`.
    unsafe fn splat(x: T) -> Self;
    /// Lanes from memory, unaligned.
    unsafe fn load(from: *const T) -> Self;
    /// Lanes to memory, unaligned.
    unsafe fn store(self, to: *mut T);
    /// The first `count` lanes, 0 to LANES.
    unsafe fn mask(count: usize) -> Self::Mask;
    /// Masked lanes from memory, the others zero; memory of the others is not touched.
    unsafe fn load_masked(from: *const T, mask: Self::Mask) -> Self;
    /// Masked lanes to memory; memory of the others is not touched.
    unsafe fn store_masked(self, to: *mut T, mask: Self::Mask);
    /// self * a + b.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// self * a.
    unsafe fn mul(self, a: Self) -> Self;
    /// `to[p * to_stride + i] = from[i][p]` for i, p below [`Vector::SQUARE`].
    unsafe fn transpose(from: [*const T; 8], to: *mut T, to_stride: usize);
}

/// 128 bits as an array, for every machine: the compiler finds the instructions.
#[derive(Clone, Copy)]
pub(super) struct Portable<T, const LANES: usize>([T; LANES]);

macro_rules! portable {
    ($type:ident, $lanes:literal) => {
        impl Vector<$type> for Portable<$type, $lanes> {
            const LANES: usize = $lanes;
            type Mask = usize;
            const SQUARE: usize = 4;

            #[inline(always)]
            unsafe fn zero() -> Self {
                Portable([0.0; $lanes])
            }
            #[inline(always)]
            unsafe fn splat(x: $type) -> Self {
                Portable([x; $lanes])
            }
            #[inline(always)]
            unsafe fn load(from: *const $type) -> Self {
                // SAFETY: the trait's contract; an array has the layout of its elements.
                Portable(unsafe { from.cast::<[$type; $lanes]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $type) {
                // SAFETY: the trait's contract.
                unsafe { to.cast::<[$type; $lanes]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn mask(count: usize) -> usize {
                count
            }
            #[inline(always)]
            unsafe fn load_masked(from: *const $type, mask: usize) -> Self {
                let mut lanes = [0.0; $lanes];
                for (i, lane) in lanes.iter_mut().enumerate().take(mask) {
                    // SAFETY: lane i is within the mask.
                    *lane = unsafe { *from.add(i) };
                }
                Portable(lanes)
            }
            #[inline(always)]
            unsafe fn store_masked(self, to: *mut $type, mask: usize) {
                for (i, &lane) in self.0.iter().enumerate().take(mask) {
                    // SAFETY: lane i is within the mask.
                    unsafe { *to.add(i) = lane };
                }
            }
            #[inline(always)]
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                // Fused only where the baseline has the instruction: elsewhere it would be a call per lane.
                const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
                Portable(std::array::from_fn(|i| {
                    if FUSED { self.0[i].mul_add(a.0[i], b.0[i]) } else { self.0[i] * a.0[i] + b.0[i] }
                }))
            }
            #[inline(always)]
            unsafe fn mul(self, a: Self) -> Self {
                Portable(std::array::from_fn(|i| self.0[i] * a.0[i]))
            }
            #[inline(always)]
            unsafe fn transpose(from: [*const $type; 8], to: *mut $type, to_stride: usize) {
                for p in 0..4 {
                    for (i, row) in from.iter().enumerate().take(4) {
                        // SAFETY: the trait's contract.
                        unsafe { *to.add(p * to_stride + i) = *row.add(p) };
                    }
                }
            }
        }
    };
}
portable!(f32, 4);
portable!(f64, 2);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    /// Transposes 8 x 8 numbers of 32 bits: halves of two rows into one register, then four by four within
    /// each half, so that nothing crosses halves but the loads.
    #[inline(always)]
    unsafe fn transpose_8x8(from: [*const f32; 8], to: *mut f32, to_stride: usize) {
        // SAFETY: the contract of `Vector::transpose`; the caller has AVX2.
        unsafe {
            for half in 0..2 {
                // Row i below, row i + 4 above, columns 4 half ..
                let row = |i: usize| {
                    let low = _mm256_castps128_ps256(_mm_loadu_ps(from[i].add(4 * half)));
                    _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(from[i + 4].add(4 * half)))
                };
                let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3));
                let (t0, t1) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
                let (t2, t3) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
                let columns = [
                    _mm256_shuffle_ps::<0x44>(t0, t2),
                    _mm256_shuffle_ps::<0xee>(t0, t2),
                    _mm256_shuffle_ps::<0x44>(t1, t3),
                    _mm256_shuffle_ps::<0xee>(t1, t3),
                ];
                for (p, column) in columns.into_iter().enumerate() {
                    _mm256_storeu_ps(to.add((4 * half + p) * to_stride), column);
                }
            }
        }
    }

    /// Transposes 4 x 4 numbers of 64 bits, in the same manner.
    #[inline(always)]
    unsafe fn transpose_4x4(from: [*const f64; 8], to: *mut f64, to_stride: usize) {
        // SAFETY: the contract of `Vector::transpose`; the caller has AVX2.
        unsafe {
            for half in 0..2 {
                // Row i below, row i + 2 above, columns 2 half ..
                let row = |i: usize| {
                    let low = _mm256_castpd128_pd256(_mm_loadu_pd(from[i].add(2 * half)));
                    _mm256_insertf128_pd::<1>(low, _mm_loadu_pd(from[i + 2].add(2 * half)))
                };
                let (r0, r1) = (row(0), row(1));
                _mm256_storeu_pd(to.add(2 * half * to_stride), _mm256_unpacklo_pd(r0, r1));
                _mm256_storeu_pd(to.add((2 * half + 1) * to_stride), _mm256_unpackhi_pd(r0, r1));
            }
        }
    }

    /// The vector types of one family and one element type.
    macro_rules! vector {
        (
            $vector:ident, $type:ident, $lanes:literal, mask: $mask_type:ident,
            zero: $zero:ident, splat: $splat:ident, load: $load:ident, store: $store:ident,
            mul_add: $mul_add:ident, mul: $mul:ident, square: $square:literal, transpose: $transpose:ident,
            mask_of: |$count:ident| $mask_of:expr,
            load_masked: |$from:ident, $mask:ident| $load_masked:expr,
            store_masked: $store_masked:ident,
        ) => {
            // Each function only forwards to an instruction of the family.
            #[allow(clippy::undocumented_unsafe_blocks)]
            impl Vector<$type> for $vector {
                const LANES: usize = $lanes;
                type Mask = $mask_type;
                const SQUARE: usize = $square;

                #[inline(always)]
                unsafe fn zero() -> Self {
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn splat(x: $type) -> Self {
                    unsafe { $splat(x) }
                }
                #[inline(always)]
                unsafe fn load(from: *const $type) -> Self {
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $type) {
                    unsafe { $store(to, self) }
                }
                #[inline(always)]
                unsafe fn mask($count: usize) -> $mask_type {
                    $mask_of
                }
                #[inline(always)]
                unsafe fn load_masked($from: *const $type, $mask: $mask_type) -> Self {
                    unsafe { $load_masked }
                }
                #[inline(always)]
                unsafe fn store_masked(self, to: *mut $type, mask: $mask_type) {
                    unsafe { $store_masked(to, mask, self) }
                }
                #[inline(always)]
                unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                    unsafe { $mul_add(self, a, b) }
                }
                #[inline(always)]
                unsafe fn mul(self, a: Self) -> Self {
                    unsafe { $mul(self, a) }
                }
                #[inline(always)]
                unsafe fn transpose(from: [*const $type; 8], to: *mut $type, to_stride: usize) {
                    unsafe { $transpose(from, to, to_stride) }
                }
            }
        };
    }

    vector! {
        __m512, f32, 16, mask: __mmask16,
        zero: _mm512_setzero_ps, splat: _mm512_set1_ps, load: _mm512_loadu_ps, store: _mm512_storeu_ps,
        mul_add: _mm512_fmadd_ps, mul: _mm512_mul_ps, square: 8, transpose: transpose_8x8,
        mask_of: |count| ((1u32 << count) - 1) as u16,
        load_masked: |from, mask| _mm512_maskz_loadu_ps(mask, from),
        store_masked: _mm512_mask_storeu_ps,
    }
    vector! {
        __m512d, f64, 8, mask: __mmask8,
        zero: _mm512_setzero_pd, splat: _mm512_set1_pd, load: _mm512_loadu_pd, store: _mm512_storeu_pd,
        mul_add: _mm512_fmadd_pd, mul: _mm512_mul_pd, square: 4, transpose: transpose_4x4,
        mask_of: |count| ((1u32 << count) - 1) as u8,
        load_masked: |from, mask| _mm512_maskz_loadu_pd(mask, from),
        store_masked: _mm512_mask_storeu_pd,
    }

    /// All ones, then all zeros: a mask of `count` lanes begins `count` before the middle.
    static MASK_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    /// As [`MASK_32`].
    static MASK_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

    vector! {
        __m256, f32, 8, mask: __m256i,
        zero: _mm256_setzero_ps, splat: _mm256_set1_ps, load: _mm256_loadu_ps, store: _mm256_storeu_ps,
        mul_add: _mm256_fmadd_ps, mul: _mm256_mul_ps, square: 8, transpose: transpose_8x8,
        mask_of: |count| unsafe { _mm256_loadu_si256(MASK_32[8 - count..][..8].as_ptr().cast()) },
        load_masked: |from, mask| _mm256_maskload_ps(from, mask),
        store_masked: _mm256_maskstore_ps,
    }
    vector! {
        __m256d, f64, 4, mask: __m256i,
        zero: _mm256_setzero_pd, splat: _mm256_set1_pd, load: _mm256_loadu_pd, store: _mm256_storeu_pd,
        mul_add: _mm256_fmadd_pd, mul: _mm256_mul_pd, square: 4, transpose: transpose_4x4,
        mask_of: |count| unsafe { _mm256_loadu_si256(MASK_64[4 - count..][..4].as_ptr().cast()) },
        load_masked: |from, mask| _mm256_maskload_pd(from, mask),
        store_masked: _mm256_maskstore_pd,
    }
}
