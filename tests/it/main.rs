//! The service as its users meet it: a real router, a real store in a temporary folder, a real small model.

/// A server that speaks the wire protocol of SageMaker, with faults on request.
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
/// A proxy with faults on request.
mod fault_proxy;
/// One table of faults, every line of it reached.
mod fault_table;
/// Faults behind the ports: what the client hears, and that the service goes on.
mod faults;
/// The gate before an upstream: circuit breaker, retries and bounded concurrency.
mod gate;
/// Scores equal to those of the official package.
mod golden;
/// What hostile or unlucky input does, by kind.
mod hostile;
/// Which module may know which: the invariants of docs/ARCHITECTURE.md.
mod layering;
/// The command line with people and pipes at its ends.
mod manners;
/// Content types in and out.
mod negotiation;
/// The program alone: no file beside it.
mod one_file;
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
/// A model in S3.
mod s3;
/// The scorer behind an endpoint: every failure of it, and the old service's bytes.
mod sagemaker;
/// The harness.
mod service;
/// A second scorer compared in the background.
mod shadow;
/// Stopping without losing a request.
mod shutdown;
/// The program under signals and limits, with streams and files that hang.
mod stopping;
/// What every feature store does, whichever it is.
mod store_contract;
/// A new table of features without a pause, and what happens when it is none.
mod table;
/// `imba verify`: the endpoint beside the model.
mod verify;
/// One version number for the program and its packages.
mod versions;
