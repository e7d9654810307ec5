//! The shared stub of an endpoint, with the fixtures' model behind it.

use aws_config::SdkConfig;
use imba::config::Aws;

use crate::peers::sdk;
use crate::service::fixture;
use crate::stubs::sagemaker::scores_of;
pub(crate) use crate::stubs::sagemaker::{Act, SageMakerStub as AwsStub};

impl AwsStub {
    pub(crate) async fn start() -> Self {
        let file = std::fs::read(fixture("binary.ubj")).expect("fixture");
        Self::new(scores_of(&file), true).listen().await
    }

    /// What clients of this stub are made from, with credentials of their own.
    pub(crate) async fn sdk(&self, aws: &Aws) -> SdkConfig {
        sdk(Aws { endpoint_url: Some(self.url()), ..aws.clone() }).await
    }
}
