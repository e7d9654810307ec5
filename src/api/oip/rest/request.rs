//! The body of `…/infer`: a JSON document, and the bytes of its binary tensors after it.

use std::borrow::Cow;

use axum::http::HeaderMap;
use memchr::memchr_iter;
use serde_json::Value;

use super::HEADER_LENGTH;
use super::wire::{InferRequest, Input, Parameters, RequestedOutput};
use crate::api::fault::{Code, Fault};
use crate::api::oip::datatype::Datatype;
use crate::api::oip::outputs::{Kind, check_parameters};
use crate::api::oip::tensors::{self, Data, Tensor, dimension};
use crate::row::{Batch, Schema, excerpt};

/// A request as it is answered.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) id: Option<String>,
    pub(super) rows: Batch,
    pub(super) outputs: Vec<Wanted>,
}

/// An output, as it is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kind: Kind,
    /// As the request calls it.
    pub(super) name: String,
    /// Whether as bytes.
    pub(super) binary: bool,
}

/// What the header says of where the document ends; `None` where it is the whole body.
pub(super) fn header_length(headers: &HeaderMap) -> Result<Option<usize>, Fault> {
    let Some(value) = headers.get(HEADER_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|value| value.trim().parse().ok());
    length.map(Some).ok_or_else(|| {
        let found = excerpt(&String::from_utf8_lossy(value.as_bytes()));
        Fault::new(Code::WrongParameter, format!("{HEADER_LENGTH} is {found:?}; expected a number of bytes"))
    })
}

/// About how many rows of `width` a body holds, to be known before it is decoded.
pub(super) fn likely_rows(body: &[u8], head: Option<usize>, width: usize) -> usize {
    let values = match head {
        Some(head) => body.len().saturating_sub(head) / size_of::<f32>(),
        None => memchr_iter(b',', body).count(),
    };
    values / width + 1
}

/// Reads a body whose document is `head` bytes long, or the whole of it.
pub(super) fn read(
    body: &[u8],
    head: Option<usize>,
    schema: &Schema,
    limit: usize,
) -> Result<Question, Fault> {
    let malformed = |what: String| Fault::new(Code::Malformed, what);
    let head = head.unwrap_or(body.len());
    let Some((document, mut bytes)) = body.split_at_checked(head) else {
        return Err(malformed(format!("{HEADER_LENGTH} is {head}, and the body has {} bytes", body.len())));
    };
    let request: InferRequest<'_> = serde_json::from_slice(document).map_err(|error| {
        malformed(format!(
            "the request cannot be read: {error}; expected {{\"inputs\": [{{\"name\", \"shape\", \"datatype\", \"data\"}}]}}, null for a missing value"
        ))
    })?;
    let parameters = request.parameters.as_ref();
    let outputs = wanted(request.outputs.as_deref().unwrap_or_default(), parameters)?;
    let tensors: Result<Vec<_>, _> = request.inputs.iter().map(|input| tensor(input, &mut bytes)).collect();
    let tensors = tensors?;
    if !bytes.is_empty() {
        let what = "bytes follow the document that belong to no input (binary_data_size)";
        return Err(malformed(format!("{} {what}", bytes.len())));
    }
    let rows = tensors::rows(tensors, schema, limit)?;
    Ok(Question { id: request.id.map(Cow::into_owned), rows, outputs })
}

/// The outputs that are asked for; the score where none is.
fn wanted(asked: &[RequestedOutput<'_>], parameters: Option<&Parameters>) -> Result<Vec<Wanted>, Fault> {
    let binary = flag(parameters, "binary_data_output")?.unwrap_or(false);
    if asked.is_empty() {
        let kind = Kind::Score;
        return Ok(vec![Wanted { kind, name: kind.name().to_owned(), binary }]);
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for output in asked {
        check_parameters(&output.name, output.parameters.iter().flat_map(Parameters::keys))?;
        let kind = Kind::parse(&output.name)?.once(wanted.iter().map(|other| &other.kind))?;
        let binary = flag(output.parameters.as_ref(), "binary_data")?.unwrap_or(binary);
        wanted.push(Wanted { kind, name: output.name.clone().into_owned(), binary });
    }
    Ok(wanted)
}

/// The tensor of `input`, whose bytes, if it has any, are the next of `bytes`.
fn tensor<'a>(input: &'a Input<'_>, bytes: &mut &'a [u8]) -> Result<Tensor<'a>, Fault> {
    let name = &*input.name;
    let wrong = |code, what: String| Fault::new(code, format!("input {:?}: {what}", excerpt(name)));
    let datatype = Datatype::parse(&input.datatype).map_err(|what| wrong(Code::WrongValue, what))?;
    check_parameters(name, input.parameters.iter().flat_map(Parameters::keys))?;
    let size = input.parameters.as_ref().and_then(|parameters| parameters.get("binary_data_size"));
    let data = match (size, &input.data) {
        (Some(_), Some(_)) => {
            let what = "it has data, and a binary_data_size too; expected one of them";
            return Err(wrong(Code::Malformed, what.to_owned()));
        }
        (None, None) => {
            let what = "it has no data, and no binary_data_size either";
            return Err(wrong(Code::Malformed, what.to_owned()));
        }
        (Some(size), None) => {
            let size = size.as_u64().and_then(|size| usize::try_from(size).ok()).ok_or_else(|| {
                wrong(Code::Malformed, format!("binary_data_size is {size}; expected a number of bytes"))
            })?;
            let Some((own, others)) = bytes.split_at_checked(size) else {
                let what = format!("binary_data_size is {size}, and {} bytes are left", bytes.len());
                return Err(wrong(Code::Malformed, what));
            };
            *bytes = others;
            Data::Raw(own)
        }
        (None, Some(data)) => {
            let is_nested = data.shape.len() > 1;
            if is_nested && !data.shape.iter().copied().map(dimension).eq(input.shape.iter().copied()) {
                let what = format!("data is nested as {:?}, and the shape is {:?}", data.shape, input.shape);
                return Err(wrong(Code::Malformed, what));
            }
            let is_bool = datatype == Datatype::Bool;
            let found = match () {
                () if data.has_booleans && !is_bool => "true or false",
                () if data.has_numbers && is_bool => "numbers",
                () if data.has_fractions && datatype.is_whole() => "fractions",
                () => "",
            };
            if !found.is_empty() {
                return Err(wrong(Code::WrongValue, format!("data of {} holds {found}", datatype.name())));
            }
            if !datatype.holds(data.least, data.most) {
                let what = format!(
                    "data of {} reach from {} to {}, out of its range",
                    datatype.name(),
                    data.least,
                    data.most
                );
                return Err(wrong(Code::WrongValue, what));
            }
            let mut values = Cow::from(&data.values);
            if matches!(datatype, Datatype::Fp16 | Datatype::Bf16) {
                datatype.round(values.to_mut());
            }
            Data::Values(values)
        }
    };
    Ok(Tensor { name, shape: &input.shape, datatype, data })
}

fn flag(parameters: Option<&Parameters>, name: &str) -> Result<Option<bool>, Fault> {
    match parameters.and_then(|parameters| parameters.get(name)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => {
            let what =
                format!("parameter {name:?} is {}; expected true or false", excerpt(&other.to_string()));
            Err(Fault::new(Code::WrongParameter, what))
        }
    }
}
