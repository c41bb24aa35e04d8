//! Every layer and loss: first and second derivatives against differences, and single against double
//! precision, over random shapes and values. Inputs are declared as parameters, so that values are given in
//! one place ([`check::check`]).

mod attention;
mod check;
mod composition;
mod convolution;
mod layers;
mod losses;
mod network;
mod normalisation;
mod probabilistic;
mod recurrent;
