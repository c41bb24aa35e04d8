//! The `lab` program.
#![allow(dead_code)]
mod cli;
mod error;
mod output;
mod study { pub mod data; pub mod technique; }
use study::{data::Source, technique::Technique};
use nn::train::*;
use rayon::prelude::*;
use std::ops::ControlFlow;
use autograd::*;
use nn::{*, loss::*};

fn fgsm(model: &dyn Layer<f32>, p: &mut Parameters<f32>, d: &nn::data::Dataset, eps: f64) -> f64 {
    let g = Graph::new();
    let x = g.input("x", d.examples().shape());
    let l = g.indices("l", [d.len()]);
    let loss = cross_entropy(model.forward(x, Mode::Evaluate), l, Reduction::Sum);
    let adv = (x + grad(loss, &[x])[0].sign() * eps).clamp(0.0, 1.0);
    let e = error_count(model.forward(adv, Mode::Evaluate), l);
    let mut plan = Plan::builder(&g).output("e", e).compile();
    plan.run(p, &[("x", Feed::from(d.examples())), ("l", Feed::from(d.labels()))]).unwrap().scalar("e") as f64 / d.len() as f64
}

fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: usize = a[1].parse().unwrap();
    let epochs: u64 = a[2].parse().unwrap();
    let seeds: u64 = a[3].parse().unwrap();
    let lr: f64 = a[4].parse().unwrap();
    let hidden: Vec<usize> = a[5].split(',').map(|x| x.parse().unwrap()).collect();
    let mut widths = vec![64]; widths.extend(hidden); widths.push(10);
    let source = Source::digits().unwrap();
    let mut techniques = vec![Technique::Plain];
    for s in [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1] { techniques.push(Technique::L2 { strength: s }); }
    for s in [3e-5, 1e-4, 3e-4, 1e-3, 2e-3, 3e-3, 5e-3] { techniques.push(Technique::L1 { strength: s }); }
    for s in [0.1, 0.2, 0.3, 0.5, 0.7, 0.8] { techniques.push(Technique::Dropout { rate: s }); }
    for s in [5, 10, 20, 40, 80] { techniques.push(Technique::EarlyStopping { patience: s }); }
    for s in [0.02, 0.05, 0.1, 0.15, 0.2, 0.3] { techniques.push(Technique::Adversarial { epsilon: s }); }
    for t in techniques {
        let rows: Vec<[f64; 7]> = (1..=seeds).into_par_iter().map(|seed| {
            let mut parts = source.parts(n, 300, 1000 + seed).unwrap();
            let noise: f64 = std::env::var("NOISE").map_or(0.0, |x| x.parse().unwrap());
            let (x, mut l, c) = parts.train.clone().into_parts();
            let mut st = seed.wrapping_mul(0x9E3779B97F4A7C15) + 77;
            let mut next = || { st ^= st << 13; st ^= st >> 7; st ^= st << 17; st };
            let count = (noise * n as f64).round() as usize;
            for i in 0..count { let at = (i * n / count.max(1)) as usize; let shift = 1 + (next() >> 20) % 9; l.data_mut()[at] = ((l.data()[at] as u64 + shift) % 10) as u32; }
            parts.train = nn::data::Dataset::new(x, l, c).unwrap();
            let net = t.network(&widths);
            let mut p = initialise(&net, seed);
            let mut trainer = Trainer::new(&net, t.optimiser(lr)).epochs(epochs).seed(seed).objective(|b| t.objective(b)).training_measure(TrainingMeasure::Evaluated);
            let mut best: Option<(f64, u64, Parameters<f32>)> = None;
            let mut obs = |m: &EpochMetrics, p: &Parameters<f32>| {
                if let Technique::EarlyStopping { patience } = t {
                    let l = m.validation.unwrap().loss;
                    if best.as_ref().is_none_or(|b| l < b.0) { best = Some((l, m.epoch, p.clone())); }
                    if m.epoch - best.as_ref().unwrap().1 >= patience { return ControlFlow::Break(()); }
                }
                ControlFlow::Continue(())
            };
            let t0 = std::time::Instant::now();
            let curve = trainer.fit_observed(&parts.train, Some(&parts.validation), &mut p, &mut obs).unwrap();
            let secs = t0.elapsed().as_secs_f64();
            let last = curve.last().unwrap().epoch;
            if let Some(b) = best { p = b.2; }
            let tr = trainer.evaluate(&parts.train, &mut p).unwrap();
            let va = trainer.evaluate(&parts.validation, &mut p).unwrap();
            let adv = fgsm(&net, &mut p, &parts.validation, 0.1);
            let (mut z, mut c) = (0, 0);
            for (name, v) in p.iter() { if name.ends_with(".weight") { c += v.data().len(); z += v.data().iter().filter(|x| **x == 0.0).count(); } }
            [tr.error, va.error, va.loss, adv, z as f64 / c as f64, secs, last as f64]
        }).collect();
        let k = rows.len() as f64;
        let mean: Vec<f64> = (0..7).map(|i| rows.iter().map(|r| r[i]).sum::<f64>() / k).collect();
        let sd = (rows.iter().map(|r| (r[1] - mean[1]).powi(2)).sum::<f64>() / (k - 1.0) / k).sqrt();
        println!("{:40} train {:.2}% val {:.2}±{:.2}% loss {:.3} fgsm {:.1}% zero {:.1}% s {:.2} last {:.0}", format!("{t:?}"), 100.*mean[0], 100.*mean[1], 100.*sd, mean[2], 100.*mean[3], 100.*mean[4], mean[5], mean[6]);
    }
}
