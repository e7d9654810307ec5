//! Decoding of bodies and encoding of answers within the bound on heavy work, whatever protocol they are of.

use std::time::{Duration, Instant};

use axum::response::Response;

use super::fault::Fault;
use super::state::ApiState;
use crate::admission::{Admission, Lease};
use crate::inference::Answer;

/// Bodies up to this size are decoded where they are, and need no leave.
const SMALL_BODY: usize = 64 * 1024;
/// Answers of up to this many rows are encoded where they are.
pub(super) const SMALL_ANSWER: usize = 256;

/// What the decoding of a request took, and the room that the request takes until it is answered.
#[derive(Default)]
pub(super) struct Work {
    pub(super) decoding: Duration,
    _lease: Option<Lease>,
}

impl Work {
    /// Decodes `input`, which came in `size` bytes: at once if that is little, else admitted by its `rows`, in its turn.
    pub(super) async fn decode<I, T, E>(
        admission: &Admission,
        input: I,
        size: usize,
        rows: impl FnOnce(&I) -> usize,
        decode: impl FnOnce(I) -> Result<T, E> + Send + 'static,
    ) -> Result<(T, Self), Fault>
    where
        I: Send + 'static,
        T: Send + 'static,
        E: Into<Fault> + Send + 'static,
    {
        let started = Instant::now();
        let is_small = size <= SMALL_BODY;
        let lease = if is_small { None } else { Some(admission.admit_body(rows(&input), size)?) };
        let decoded = admission.run(is_small, move || decode(input)).await.map_err(Into::into)?;
        Ok((decoded, Self { decoding: started.elapsed(), _lease: lease }))
    }

    /// What `encode` makes of `answer`, at once if it has few rows; it says where the time of the request went.
    pub(super) async fn encode<T: Send + 'static>(
        self,
        state: &ApiState,
        mut answer: Answer<T>,
        encode: impl FnOnce(&Answer<T>) -> Response + Send + 'static,
    ) -> Response {
        answer.stages.decode = self.decoding;
        let stages = answer.stages;
        let is_small = answer.count() <= SMALL_ANSWER;
        let mut response = state.admission.run(is_small, move || encode(&answer)).await;
        response.extensions_mut().insert(stages);
        response
    }
}
