//! `ModelInfer`: contents of messages to rows, outputs to contents.

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;

use super::frame::{Received, decode, reply};
use super::messages::{InferTensorContents, ModelInferRequest, ModelInferResponse, RequestedOutput, Tensor};
use crate::api::body::RequestBody;
use crate::api::fault::{Code, Fault};
use crate::api::kserve::{check_model, check_version};
use crate::api::oip::datatype::Datatype;
use crate::api::oip::outputs::{
    Answered, Kind, OutputTensor, SMALL_ANSWER, Values, answer, check_parameters,
};
use crate::api::oip::tensors::{self, Data};
use crate::api::state::ApiState;
use crate::api::work::Work;
use crate::row::{Batch, Schema, excerpt};
use crate::telemetry::Stages;

/// Answers a request.
pub(super) async fn infer(state: &ApiState, received: Received) -> Result<Response, Fault> {
    let Received { message, gzip } = received;
    let schema = Arc::clone(state.inference.schema());
    let (width, limit, size) = (schema.width(), state.rows_limit, message.bytes.len());
    let likely_rows = |_: &_| size / size_of::<f32>() / width + 1;
    let read = move |message: RequestBody| Question::read(message, &schema, limit);
    let (question, work) = Work::decode(&state.admission, message, size, likely_rows, read).await?;
    let Question { name, version, id, raw, wanted, rows } = question;
    check_model(state, &name, given(&version))?;
    let wanted = wanted?;
    let kinds: Vec<_> = wanted.iter().map(|(kind, _)| *kind).collect();
    let answered = answer(state, rows?, &kinds).await?;
    check_version(&answered.model.version, given(&version))?;
    let stages = Stages { decode: work.decoding, ..answered.stages };
    let is_small = answered.count() <= SMALL_ANSWER;
    let name = state.model_name.clone();
    let write = move || reply(&respond(answered, name, id, wanted, raw), gzip);
    let mut response = state.admission.run(is_small, write).await;
    response.extensions_mut().insert(stages);
    drop(work);
    Ok(response)
}

/// A request as it is answered. That the model is ours is checked before what is asked of it.
struct Question {
    name: String,
    version: String,
    id: String,
    /// Whether its tensors are bytes; so are those of the answer.
    raw: bool,
    wanted: Result<Vec<(Kind, String)>, Fault>,
    rows: Result<Batch, Fault>,
}

impl Question {
    fn read(message: RequestBody, schema: &Schema, limit: usize) -> Result<Self, Fault> {
        let message: ModelInferRequest = decode(message.bytes)?;
        let ModelInferRequest { model_name, model_version, id, inputs, outputs, raw_input_contents, .. } =
            message;
        Ok(Self {
            name: model_name,
            version: model_version,
            id,
            raw: !raw_input_contents.is_empty(),
            wanted: wanted(&outputs),
            rows: rows(&inputs, &raw_input_contents, schema, limit),
        })
    }
}

fn respond(
    answered: Answered,
    name: String,
    id: String,
    wanted: Vec<(Kind, String)>,
    raw: bool,
) -> ModelInferResponse {
    let mut response = ModelInferResponse {
        model_name: name,
        model_version: answered.model.version.clone(),
        id,
        ..ModelInferResponse::default()
    };
    for (output, (_, name)) in answered.outputs.into_iter().zip(wanted) {
        if raw {
            response.raw_output_contents.push(Bytes::from(output.values.bytes()));
        }
        response.outputs.push(tensor(output, name, raw));
    }
    response
}

/// A version that a message names; a text that is not there is an empty one.
pub(super) fn given(version: &str) -> Option<&str> {
    Some(version).filter(|version| !version.is_empty())
}

/// The outputs that are asked for, and what the request calls them; the score where none is.
fn wanted(asked: &[RequestedOutput]) -> Result<Vec<(Kind, String)>, Fault> {
    if asked.is_empty() {
        return Ok(vec![(Kind::Score, Kind::Score.name().to_owned())]);
    }
    let mut wanted = Vec::new();
    for output in asked {
        check_parameters(&output.name, output.parameters.keys())?;
        let kind = Kind::parse(&output.name)?.once(wanted.iter().map(|(kind, _)| kind))?;
        wanted.push((kind, output.name.clone()));
    }
    Ok(wanted)
}

fn rows(inputs: &[Tensor], raw: &[Bytes], schema: &Schema, limit: usize) -> Result<Batch, Fault> {
    if !raw.is_empty() && raw.len() != inputs.len() {
        let what = format!("raw_input_contents has {} entries for {} inputs", raw.len(), inputs.len());
        return Err(Fault::new(Code::Malformed, what));
    }
    let mut raw = raw.iter();
    let tensors: Result<Vec<_>, Fault> = inputs
        .iter()
        .map(|input| {
            let named = |what: String| format!("input {:?}: {what}", excerpt(&input.name));
            check_parameters(&input.name, input.parameters.keys())?;
            let datatype =
                Datatype::parse(&input.datatype).map_err(|what| Fault::new(Code::WrongValue, named(what)))?;
            let wrong = |what: &str| Fault::new(Code::Malformed, named(what.to_owned()));
            let data = match (raw.next(), &input.contents) {
                (Some(raw), None) => Data::Raw(raw),
                (Some(_), Some(_)) => {
                    return Err(wrong("it has contents beside raw_input_contents; expected one of them"));
                }
                (None, Some(contents)) => Data::Values(values(datatype, contents).map_err(wrong)?.into()),
                (None, None) => return Err(wrong("it has neither contents nor raw_input_contents")),
            };
            Ok(tensors::Tensor { name: &input.name, shape: &input.shape, datatype, data })
        })
        .collect();
    tensors::rows(tensors?, schema, limit)
}

/// The values of typed contents, which stand in the field of their datatype and in no other.
fn values(datatype: Datatype, contents: &InferTensorContents) -> Result<Vec<f32>, &'static str> {
    let InferTensorContents {
        bool_contents,
        int_contents,
        int64_contents,
        uint_contents,
        uint64_contents,
        fp32_contents,
        fp64_contents,
        bytes_contents,
    } = contents;
    let total = bool_contents.len()
        + int_contents.len()
        + int64_contents.len()
        + uint_contents.len()
        + uint64_contents.len()
        + fp32_contents.len()
        + fp64_contents.len()
        + bytes_contents.len();
    let values: Vec<f32> = match datatype {
        Datatype::Bool => bool_contents.iter().map(|value| f32::from(u8::from(*value))).collect(),
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 => {
            int_contents.iter().map(|value| f64::from(*value) as f32).collect()
        }
        Datatype::Int64 => int64_contents.iter().map(|value| *value as f64 as f32).collect(),
        Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 => {
            uint_contents.iter().map(|value| f64::from(*value) as f32).collect()
        }
        Datatype::Uint64 => uint64_contents.iter().map(|value| *value as f64 as f32).collect(),
        Datatype::Fp32 => fp32_contents.clone(),
        Datatype::Fp64 => fp64_contents.iter().map(|value| *value as f32).collect(),
        Datatype::Fp16 | Datatype::Bf16 => {
            return Err("FP16 and BF16 have no typed contents; expected raw_input_contents");
        }
    };
    if values.len() != total {
        return Err("its contents are in a field of another datatype");
    }
    // These share a field with a wider one.
    let is_narrow = matches!(datatype, Datatype::Int8 | Datatype::Int16 | Datatype::Uint8 | Datatype::Uint16);
    let is_held = |value: &f32| datatype.holds(f64::from(value.min(0.0)), f64::from(value.max(0.0)));
    if is_narrow && !values.iter().all(is_held) {
        return Err("a number is out of the range of its datatype");
    }
    Ok(values)
}

fn tensor(output: OutputTensor, name: String, raw: bool) -> Tensor {
    let OutputTensor { kind, shape, values } = output;
    let contents = (!raw).then(|| match values {
        Values::Fp32(values) => InferTensorContents { fp32_contents: values, ..Default::default() },
        Values::Int32(values) => InferTensorContents { int_contents: values, ..Default::default() },
    });
    Tensor {
        name,
        datatype: kind.datatype().to_owned(),
        shape: shape.into_iter().map(tensors::dimension).collect(),
        parameters: HashMap::new(),
        contents,
    }
}
