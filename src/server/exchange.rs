//! One request and its answer, from the head of the one to the last byte of the other.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::EXPECT;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use pin_project_lite::pin_project;
use tower::Service;

use super::activity::Activity;
use super::received::ReceivedBody;
use super::streams::{handed_over, producing};
use crate::telemetry::access_log::ClientAddress;

/// An exchange under way; over when dropped.
struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.end_exchange();
    }
}

/// The service of one connection, for hyper. Its requests begin one after the other, so that they share one; it is always ready.
pub(super) struct Exchanges<S> {
    service: RefCell<S>,
    client: ClientAddress,
    activity: Arc<Activity>,
    /// Largest piece in which an answer is handed over.
    piece: usize,
}

impl<S> Exchanges<S> {
    pub(super) fn new(service: S, client: ClientAddress, activity: Arc<Activity>, piece: usize) -> Self {
        Self { service: RefCell::new(service), client, activity, piece }
    }
}

impl<S, B> hyper::service::Service<hyper::Request<Incoming>> for Exchanges<S>
where
    S: Service<Request, Response = Response<B>, Error = Infallible>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<Answer<B>>;
    type Error = Infallible;
    type Future = Exchange<S::Future>;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        self.activity.begin_exchange();
        let under_way = Some(UnderWay(Arc::clone(&self.activity)));
        request.extensions_mut().insert(self.client.clone());
        let request = if request.version() < Version::HTTP_2 {
            let asks_first = request.headers().contains_key(EXPECT);
            request.map(|body| Body::new(ReceivedBody::new(body, asks_first)))
        } else {
            request.map(Body::new)
        };
        let answer = self.service.borrow_mut().call(request);
        Exchange { answer, under_way, piece: self.piece }
    }
}

pin_project! {
    /// An answer that is not there yet.
    pub(super) struct Exchange<F> {
        #[pin]
        answer: F,
        under_way: Option<UnderWay>,
        piece: usize,
    }
}

impl<F, B> Future for Exchange<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<Answer<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(answer) = ready!(this.answer.poll(context));
        let (under_way, piece) = (this.under_way.take(), *this.piece);
        Poll::Ready(Ok(answer.map(|body| Answer { body, rest: Bytes::new(), piece, _under_way: under_way })))
    }
}

pin_project! {
    /// The body of an answer, handed over in pieces: what the peer does not take stays here, and is freed with the exchange.
    pub(super) struct Answer<B> {
        #[pin]
        body: B,
        // Of the body's last frame.
        rest: Bytes,
        piece: usize,
        _under_way: Option<UnderWay>,
    }
}

impl<B: HttpBody<Data = Bytes>> HttpBody for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        if this.rest.is_empty() {
            producing();
            match ready!(this.body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let size = this.rest.len().min(*this.piece);
        handed_over();
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if rest > 0 {
            let upper = hint.upper().map(|upper| upper + rest);
            hint.set_lower(hint.lower() + rest);
            if let Some(upper) = upper {
                hint.set_upper(upper);
            }
        }
        hint
    }
}
