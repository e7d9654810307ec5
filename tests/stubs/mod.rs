//! AWS on loopback, for tests and measurements alike: an endpoint of SageMaker and a table of DynamoDB, with faults on
//! request. They check no signature.

/// A table of DynamoDB in memory.
pub(crate) mod dynamodb;
/// An endpoint of SageMaker.
pub(crate) mod sagemaker;
/// Requests and answers, byte by byte: some faults are no HTTP.
pub(crate) mod wire;
