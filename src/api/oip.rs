//! The Open Inference Protocol, version 2, in both of its forms: REST and, on the same port, gRPC.
//!
//! Source: the specification and the proto of <https://github.com/kserve/open-inference-protocol>; binary tensors are Triton's
//! extension of the first.

mod datatype;
mod describe;
pub(super) mod grpc;
mod outputs;
pub(super) mod rest;
mod tensors;
