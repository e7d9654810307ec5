//! Scores a CSV whose first line names the features, in any order: `cargo run --example score_csv -- MODEL ROWS.csv`.
//! An empty cell is a missing value.

use std::error::Error;
use std::io::Write;

use gbtree::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(rows)) = (arguments.next(), arguments.next()) else {
        return Err("usage: score_csv MODEL ROWS.csv".into());
    };
    let model = Model::from_bytes(&std::fs::read(model)?)?;
    let text = std::fs::read_to_string(rows)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("the file is empty")?.split(',').collect();
    let mut batch = Vec::new();
    for line in lines {
        let values = line.split(',').map(|cell| match cell.trim() {
            "" => Ok(f32::NAN),
            number => number.parse(),
        });
        let values = values.collect::<Result<Vec<f32>, _>>()?;
        if values.len() != names.len() {
            return Err(format!("{} cells under {} names: {line}", values.len(), names.len()).into());
        }
        batch.extend(model.row(names.iter().copied().zip(values))?);
    }
    let mut out = std::io::stdout().lock();
    for scores in model.predict_vec(&batch)?.chunks(model.num_outputs()) {
        let scores: Vec<String> = scores.iter().map(f32::to_string).collect();
        writeln!(out, "{}", scores.join(","))?;
    }
    Ok(())
}
