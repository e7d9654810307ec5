//! Evaluates `XGBoost` models: bytes in, numbers out.
