//! Which of several models behind an endpoint is asked.

/// What a request says about the model it wants, as SageMaker names the parts; a scorer of one model has no use for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InferenceTarget {
    /// A production variant of an endpoint.
    pub variant: Option<String>,
    /// A model file of a multi-model endpoint.
    pub model: Option<String>,
    /// An inference component.
    pub component: Option<String>,
    /// An identifier under which the endpoint records the call.
    pub inference_id: Option<String>,
    /// Free text for the endpoint's container.
    pub custom_attributes: Option<String>,
}
