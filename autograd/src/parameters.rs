//! Parameter values, by name.
//!
//! A graph only declares parameters; their values live here, outside graph and plans, so that several
//! plans (a training step, an evaluation) work on the same values, an ensemble runs one plan on many
//! sets, and keeping the best set is a `clone`.

use crate::real::Real;
use crate::tensor::Tensor;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Named values, in the order in which they were inserted.
///
/// ```
/// use autograd::{Parameters, Tensor};
/// let mut parameters = Parameters::<f32>::new();
/// parameters.insert("w", Tensor::zeros([784, 10]));
/// assert_eq!(parameters["w"].shape().lengths(), [784, 10]);
/// assert_eq!(parameters.numel(), 7840);
/// ```
#[derive(Clone, PartialEq, Default)]
pub struct Parameters<T: Real> {
    entries: Vec<(Arc<str>, Tensor<T>)>,
    positions: HashMap<Arc<str>, usize>,
}

impl<T: Real> Parameters<T> {
    /// No parameters.
    pub fn new() -> Parameters<T> {
        Parameters { entries: Vec::new(), positions: HashMap::new() }
    }

    /// Sets the value of `name` and returns the one it had.
    pub fn insert(&mut self, name: &str, value: Tensor<T>) -> Option<Tensor<T>> {
        if let Some(&position) = self.positions.get(name) {
            return Some(std::mem::replace(&mut self.entries[position].1, value));
        }
        let name: Arc<str> = name.into();
        self.positions.insert(name.clone(), self.entries.len());
        self.entries.push((name, value));
        None
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor<T>> {
        self.positions.get(name).map(|&position| &self.entries[position].1)
    }

    /// The value of `name`, to be changed in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Tensor<T>> {
        self.positions.get(name).map(|&position| &mut self.entries[position].1)
    }

    /// The place of `name` in the order of insertion. Places never change.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// Name and value at a place.
    pub(crate) fn entry(&self, position: usize) -> Option<(&str, &Tensor<T>)> {
        self.entries.get(position).map(|(name, value)| (&**name, value))
    }

    /// Name and value at a place, the value to be changed in place.
    pub(crate) fn entry_mut(&mut self, position: usize) -> Option<(&str, &mut Tensor<T>)> {
        self.entries.get_mut(position).map(|(name, value)| (&**name, value))
    }

    /// All names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor<T>)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }

    /// All names and values, in order, the values to be changed in place.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Tensor<T>)> {
        self.entries.iter_mut().map(|(name, value)| (&**name, value))
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of elements of all parameters together.
    pub fn numel(&self) -> usize {
        self.entries.iter().map(|(_, value)| value.data().len()).sum()
    }

    /// The same parameters in another precision, each value rounded once.
    pub fn cast<U: Real>(&self) -> Parameters<U> {
        self.iter().map(|(name, value)| (name, value.cast())).collect()
    }

    /// The first parameter with a NaN or an infinity, and where it stands in it.
    pub fn first_non_finite(&self) -> Option<(&str, usize)> {
        self.iter().find_map(|(name, value)| Some((name, value.first_non_finite()?)))
    }
}

impl<'n, T: Real> FromIterator<(&'n str, Tensor<T>)> for Parameters<T> {
    fn from_iter<I: IntoIterator<Item = (&'n str, Tensor<T>)>>(entries: I) -> Self {
        let mut parameters = Parameters::new();
        for (name, value) in entries {
            parameters.insert(name, value);
        }
        parameters
    }
}

impl<T: Real> std::ops::Index<&str> for Parameters<T> {
    type Output = Tensor<T>;
    /// The value of a parameter that is known to be there.
    #[track_caller]
    fn index(&self, name: &str) -> &Tensor<T> {
        self.get(name).unwrap_or_else(|| panic!("there is no parameter `{name}`"))
    }
}

impl<T: Real> fmt::Debug for Parameters<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, value.shape()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_replacement() {
        let mut p = Parameters::<f64>::new();
        p.insert("a", Tensor::scalar(1.0));
        p.insert("b", Tensor::scalar(2.0));
        assert_eq!(p.insert("a", Tensor::scalar(3.0)), Some(Tensor::scalar(1.0)));
        assert_eq!(p.iter().map(|(name, v)| (name, v.item())).collect::<Vec<_>>(), [("a", 3.0), ("b", 2.0)]);
        assert_eq!(p.position("b"), Some(1));
        p.insert("b", Tensor::scalar(f64::NAN));
        assert_eq!(p.first_non_finite(), Some(("b", 0)));
    }
}
