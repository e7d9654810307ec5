/// Upstreams that hang, fail, or answer nonsense.
mod upstream;
