//! Random matrices with orthonormal rows or columns.
//!
//! The factor Q of a QR decomposition of a matrix of independent normals, with the diagonal of R positive,
//! is uniform (Haar) among matrices with orthonormal columns (Mezzadri, *Notices of the AMS* 54, 2007).
//! Gram and Schmidt's process makes that diagonal positive by construction. It is run in its modified form
//! in `f64`, twice for each vector: after the second pass the vectors are orthogonal to working precision
//! however close to dependent the normals were (Giraud, Langou, Rozložník, *Numerische Mathematik* 101,
//! 2005: "twice is enough").

/// Orthonormalises the columns of the row-major matrix `normals` of shape `[rows, columns]`, or its rows
/// if there are fewer of them.
pub(super) fn orthonormal(normals: Vec<f64>, rows: usize, columns: usize) -> Vec<f64> {
    if rows < columns {
        let mut vectors = normals;
        orthonormalise(&mut vectors, columns);
        return vectors;
    }
    // Columns as contiguous vectors. The entries are independent and alike, so no transpose is needed on
    // the way in.
    let mut vectors = normals;
    orthonormalise(&mut vectors, rows);
    let mut matrix = vec![0.0; vectors.len()];
    for (column, vector) in vectors.chunks_exact(rows.max(1)).enumerate() {
        for (row, &value) in vector.iter().enumerate() {
            matrix[row * columns + column] = value;
        }
    }
    matrix
}

/// Gram and Schmidt's process on contiguous vectors of the given length.
fn orthonormalise(vectors: &mut [f64], length: usize) {
    if length == 0 {
        return;
    }
    for current in 0..vectors.len() / length {
        let (done, rest) = vectors.split_at_mut(current * length);
        let vector = &mut rest[..length];
        for _pass in 0..2 {
            for earlier in done.chunks_exact(length) {
                let projection = dot(earlier, vector);
                vector.iter_mut().zip(earlier).for_each(|(v, e)| *v -= projection * e);
            }
            let norm = dot(vector, vector).sqrt();
            vector.iter_mut().for_each(|v| *v /= norm);
        }
    }
}

/// A dot product in eight partial sums, which the compiler can keep in vector registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + tail
}
