//! SageMaker and DynamoDB on loopback, as fast as they can be: an endpoint that answers 0.5 for every row, and a table that
//! holds one and the same row for every pair. Both answer after the given time. With a share of faults, every so many calls
//! of the endpoint fail in one of the ways that endpoints do.
//!
//! `cargo run --release --example aws_stub -- 127.0.0.1:8090 5ms [0.1]`

use std::error::Error;
use std::time::Duration;

use tokio::net::TcpListener;

#[path = "../tests/stubs/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod stubs;

use stubs::dynamodb::DynamoStub;
use stubs::sagemaker::{Act, SageMakerStub, constant};
use stubs::wire::{self, Call};

const ROW: &str = "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";
const FAULTS: [Act; 8] = [
    Act::Error(500, "InternalFailure", "{}"),
    Act::Error(503, "ServiceUnavailable", "{}"),
    Act::Error(400, "ThrottlingException", "{}"),
    Act::Error(424, "ModelError", r#"{"OriginalStatusCode":500,"OriginalMessage":"Traceback"}"#),
    Act::CutOff,
    Act::Answer("<html>no score</html>"),
    Act::Answer(""),
    Act::After(Duration::from_secs(3)),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(time)) = (arguments.next(), arguments.next()) else {
        return Err("usage: aws_stub ADDRESS TIME [SHARE]".into());
    };
    let time = humantime::parse_duration(&time)?;
    let share: f64 = arguments.next().map_or(Ok(0.0), |text| text.parse())?;
    let endpoint = SageMakerStub::new(constant(0.5), false);
    if share > 0.0 {
        let mut random = fastrand::Rng::with_seed(1);
        endpoint.choosing(move || {
            if random.f64() < share { FAULTS[random.usize(..FAULTS.len())].clone() } else { Act::Scores }
        });
    }
    let table = DynamoStub::new(Some(ROW.to_owned()));
    let answer = move |call: Call| {
        let (endpoint, table) = (endpoint.clone(), table.clone());
        async move {
            if !time.is_zero() {
                tokio::time::sleep(time).await;
            }
            match call.header("x-amz-target") {
                Some(_) => table.answer(call).await,
                None => endpoint.answer(call).await,
            }
        }
    };
    wire::serve(TcpListener::bind(address).await?, answer).await;
    Ok(())
}
