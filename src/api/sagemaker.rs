//! What SageMaker speaks: the contract of its XGBoost container, so that the service can *be* an endpoint, and the API that
//! endpoints are called by, so that clients of one need not change.
//!
//! The container's answers to valid requests are given byte for byte (aws/sagemaker-xgboost-container 3.2, algorithm mode).

mod answer;
pub(super) mod container;
mod event_stream;
mod media;
pub(super) mod openapi;
mod recordio;
mod rows;
pub(super) mod runtime;
mod selected;
