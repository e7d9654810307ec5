use std::f64::consts::PI;

/// Gauss-Legendre quadrature on 0..1.
#[derive(Debug, Clone)]
pub(super) struct Quadrature {
    pub(super) points: Vec<f32>,
    /// 1 - point.
    pub(super) rests: Vec<f32>,
    pub(super) weights: Vec<f32>,
}

impl Quadrature {
    /// `n` points, exact for polynomials up to degree `2n - 1`. Roots of the Legendre polynomial by Newton's
    /// method (Press et al., Numerical Recipes, `gauleg`).
    pub(super) fn new(n: usize) -> Self {
        let mut this = Self { points: Vec::new(), rests: Vec::new(), weights: Vec::new() };
        for i in 0..n {
            let mut x = (PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (mut last, mut value) = (1.0, x);
                for k in 2..=n {
                    let k = k as f64;
                    (last, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * last) / k);
                }
                slope = n as f64 * (x * value - last) / (x * x - 1.0);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            this.points.push(f64::midpoint(1.0, x) as f32);
            this.rests.push(((1.0 - x) / 2.0) as f32);
            this.weights.push((1.0 / ((1.0 - x * x) * slope * slope)) as f32);
        }
        this
    }

    pub(super) fn len(&self) -> usize {
        self.points.len()
    }
}
