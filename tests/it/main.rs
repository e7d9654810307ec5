//! The service as its users meet it: a real router, a real store in a temporary folder, a real small model.

/// Who may ask, and how much: keys, plans, scopes, addresses.
mod access;
/// Answers that are remembered.
mod answers;
/// An endpoint of SageMaker, with faults on request.
mod aws_stub;
/// Requests to an upstream that are batched.
mod batching;
/// What is remembered of lookups, and for how long.
mod cache;
/// The program's commands: what they print and how they exit.
mod cli;
/// Layers of configuration and the mistakes in them.
mod config;
/// Which origins may call, on every kind of answer.
mod cors;
/// The store in a DynamoDB table: two servers, every layout, faults and their end, imports.
mod dynamodb;
/// `/explain` and `/explain/pair`.
mod explain;
/// A store printed as a table.
mod export;
/// One table of faults, every line of it reached.
mod fault_table;
/// Faults behind the ports: what the client hears, and that the service goes on.
mod faults;
/// The gate before an upstream: circuit breaker, retries and bounded concurrency.
mod gate;
/// Names, prefixes and ids that a balancer gives; the listener for operators.
mod gateway;
/// Scores equal to those of the official package.
mod golden;
/// Calls of gRPC byte by byte: broken, halved, large.
mod grpc;
/// What hostile or unlucky input does, by kind.
mod hostile;
/// `imba key`, and what `imba config` says of callers.
mod key;
/// Which module may know which: the invariants of docs/ARCHITECTURE.md.
mod layering;
/// The command line with people and pipes at its ends.
mod manners;
/// MLflow's scoring server.
mod mlflow;
/// Content types in and out.
mod negotiation;
/// The Open Inference Protocol over REST and gRPC, with real clients.
mod oip;
/// The program alone: no file beside it.
mod one_file;
/// The contract: checked in, its examples tried, and strangers' requests made from it.
mod openapi;
/// Liveness, readiness, metrics, the log's ids, the model's description.
mod operations;
/// Upstreams that are down, slow or flapping, and back again.
mod outages;
/// The page's files and the headers on them.
mod page;
/// `/predict/pair`.
mod pair;
/// Servers in place of AWS.
mod peers;
/// `/predict`.
mod predict;
/// Every documented problem and its document.
mod problems;
/// `/recommend` and `/users`.
mod recommend;
/// A new model without a pause, and what happens when it is none.
mod reload;
/// A whole table in the place of another, in DynamoDB and beside kills; how old rows are.
mod replace;
/// What is printed can be sent back; the same rows in other forms have the same answers.
mod round_trip;
/// A model in S3.
mod s3;
/// The scorer behind an endpoint: every failure of it, and the old service's bytes.
mod sagemaker;
/// The service as SageMaker's XGBoost container: its answers byte for byte, its variables, folders of models.
mod sagemaker_container;
/// The service as an endpoint of the SageMaker Runtime API: boto3, the Rust SDK, one service behind another.
mod sagemaker_runtime;
/// `imba score` and `imba model`: categories, limits, wide rows, the card.
mod score;
/// The harness.
mod service;
/// A second scorer compared in the background.
mod shadow;
/// Stopping without losing a request.
mod shutdown;
/// Requests that are signed as AWS signs them.
mod signatures;
/// The program under signals and limits, with streams and files that hang.
mod stopping;
/// What every feature store does, whichever it is.
mod store_contract;
/// AWS on loopback, shared with the measurements.
#[path = "../stubs/mod.rs"]
#[allow(dead_code, reason = "measurements use the rest")]
mod stubs;
/// A new table of features without a pause, and what happens when it is none.
mod table;
/// TLS between the service and its clients.
mod tls;
/// Tokens of an identity provider.
mod tokens;
/// Version 1 of KServe, TensorFlow Serving and Vertex AI.
mod v1;
/// `imba verify`: the endpoint beside the model.
mod verify;
/// One version number for the program and its packages.
mod versions;
