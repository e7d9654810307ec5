//! Nothing a stranger sends, and nothing a disk does, may hurt the service.

/// Bodies and headers of every kind.
mod bodies;
/// Items of DynamoDB that are no rows.
mod items;
/// Tables on their way into a store: cut short, with bad rows, on a full disk; and out of it again.
mod load;
/// A store that is damaged, before it is opened and after.
mod store;
/// Upstreams that hang, fail, or answer nonsense.
mod upstream;
