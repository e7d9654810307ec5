//! Rows whose categories are written as values, not as codes, for a model that says what its codes stand for.

use std::error::Error;

use gbtree::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let model = Model::from_bytes(include_bytes!("../tests/categories.json"))?;
    let row = row(&model, &["red", "5", "1.25"])?;
    assert_eq!(row, [2.0, 0.0, 1.25]);
    let scores = model.predict_vec(&row)?;
    assert!((scores[0] - 1.4).abs() < 0.1, "{scores:?}");

    let unseen = self::row(&model, &["mauve", "5", "1.25"]);
    assert!(unseen.is_err_and(|error| error.to_string().contains("mauve")));
    Ok(())
}

/// A row of float32 from the cells of a table; a category that training never saw is an error, an empty cell missing.
fn row(model: &Model, cells: &[&str]) -> Result<Vec<f32>, Box<dyn Error>> {
    let value = |(feature, cell): (usize, &&str)| match model.categories(feature) {
        _ if cell.is_empty() => Ok(f32::NAN),
        Some(categories) => {
            categories.code(cell).ok_or_else(|| format!("feature {feature} has no category {cell:?}").into())
        }
        None => cell.parse().map_err(|_| format!("feature {feature}: {cell:?} is not a number").into()),
    };
    cells.iter().enumerate().map(value).collect()
}
