//! Nothing a stranger sends, and nothing a disk does, may hurt the service.

/// A store that is cut short, damaged, empty or another program's; a disk that is full.
mod store;
