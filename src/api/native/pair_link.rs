//! `GET /predict/pair?user_id=1&product_id=2`: one pair, as a browser's address bar can ask for it.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::negotiate::{ReplyType, reply_type};
use super::receive::Reply;
use super::{predict, recommend};
use crate::api::fault::{Code, Fault};
use crate::api::state::ApiState;
use crate::api::target::target;
use crate::api::work::Work;
use crate::inference::{InferenceRequest, Input};
use crate::row::{Decoded, PairKey, check_id};
use crate::scorer::Output;

/// The parameters after the `?`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Pair {
    user_id: Option<String>,
    product_id: Option<String>,
}

/// The score of one pair.
pub(in crate::api) async fn predict_pair(
    State(state): State<ApiState>,
    query: Result<Query<Pair>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (reply, target) = (reply_type(&headers)?, target(&headers, &state.pass_headers)?);
    let Query(Pair { user_id, product_id }) = query.map_err(|error| recommend::unread(&error))?;
    let wrong = |what: String| Fault::new(Code::WrongParameter, what);
    let id = |name, id: Option<String>| {
        let id = id.ok_or_else(|| wrong(format!("{name} is missing; expected ?user_id=…&product_id=…")))?;
        check_id(&id).map(str::to_owned).map_err(|error| wrong(format!("{name} {error}")))
    };
    let pair = PairKey::new(&id("user_id", user_id)?, &id("product_id", product_id)?);
    let input = Input::Pairs(Decoded::good(vec![pair], Vec::len));
    let all_or_nothing = reply == ReplyType::Text;
    let request = InferenceRequest { input, target, output: Output::Score, all_or_nothing };
    predict::answer(&state, request, Reply { type_: reply, work: Work::default() }).await
}
