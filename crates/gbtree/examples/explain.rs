//! Says what each feature adds to the margin of one row: `cargo run --example explain -- MODEL 0.5,2.4,…`.

use std::error::Error;
use std::io::Write;

use gbtree::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(row)) = (arguments.next(), arguments.next()) else {
        return Err("usage: explain MODEL VALUE,VALUE,…".into());
    };
    let model = Model::from_bytes(&std::fs::read(model)?)?;
    let row = row.split(',').map(str::parse).collect::<Result<Vec<f32>, _>>()?;
    let shares = model.contributions_vec(&row)?;
    let mut out = std::io::stdout().lock();
    for (output, shares) in shares.chunks(model.num_features() + 1).enumerate() {
        writeln!(out, "output {output}: margin {}", shares.iter().sum::<f32>())?;
        let names = model.feature_names();
        let name = |feature: usize| match names.get(feature) {
            Some(name) => name.clone(),
            None if feature == model.num_features() => "(bias)".to_owned(),
            None => format!("f{feature}"),
        };
        let mut ranked: Vec<(usize, f32)> = shares.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        for (feature, share) in ranked {
            writeln!(out, "{share:>+12.6} {}", name(feature))?;
        }
    }
    Ok(())
}
