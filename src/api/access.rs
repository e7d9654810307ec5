//! The door: is the name one of ours, who asks, may they, and how much is left. It decides before anything is read, except for
//! signatures, which cover the body.

mod hosts;
mod needs;
mod presented;
mod refuse;
mod signature;

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use pin_project_lite::pin_project;
use tower::Service;

use super::fault::{Code, Fault};
use super::routes::RouteNames;
use super::state::ApiState;
use crate::access::meter::{Allowance, Now};
use crate::access::{Access, Caller, Denied, Plan};
use crate::telemetry::access_log::ClientAddress;
use needs::{Need, need};
use presented::Presented;

pub(super) use hosts::Hosts;

/// The caller of a request, for those further in.
#[derive(Clone)]
pub(super) struct Asking(pub(super) Arc<Caller>);

/// The layer before the routes.
#[derive(Clone)]
pub(super) struct Guard<S> {
    state: ApiState,
    routes: Arc<RouteNames>,
    /// The names that are answered to; `None` for all.
    hosts: Option<Arc<Hosts>>,
    inner: S,
}

impl<S> Guard<S> {
    pub(super) fn new(state: ApiState, routes: Arc<RouteNames>, hosts: Option<Arc<Hosts>>, inner: S) -> Self {
        Self { state, routes, hosts, inner }
    }
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Passing<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if let Some(hosts) = &self.hosts
            && let Err(fault) = hosts.check(&request)
        {
            return refused(refuse::plainly(fault));
        }
        let Some(access) = &self.state.access else {
            return Passing::Inside { answer: self.inner.call(request), left: None };
        };
        let need = need(self.routes.of(request.uri().path()).pattern, request.method());
        if need == Need::Nobody {
            return Passing::Inside { answer: self.inner.call(request), left: None };
        }
        let caller = match Presented::of(request.headers(), access.takes_tokens()) {
            Ok(Presented::Nothing) => access.anonymous(|| address(access, &request)),
            Ok(Presented::Key(key)) => access.by_key(key),
            Ok(Presented::Token(token)) => {
                let token = token.to_owned();
                return self.slow(request, need, |access, request| async move {
                    (access.by_token(&token).await.map_err(Refusal::Denied), request)
                });
            }
            Ok(Presented::Signature) => {
                let state = self.state.clone();
                return self.slow(request, need, |access, request| signature::verify(state, access, request));
            }
            Err(denied) => Err(denied),
        };
        match admit(access, caller.map_err(Refusal::Denied), need) {
            Ok((caller, left)) => {
                note(&self.state, &mut request, caller);
                Passing::Inside { answer: self.inner.call(request), left }
            }
            Err(response) => Passing::Refused { response: Some(response) },
        }
    }
}

impl<S> Guard<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    /// The answer to a request whose caller takes a while to find.
    fn slow<F>(
        &mut self,
        request: Request,
        need: Need,
        identify: impl FnOnce(Arc<Access>, Request) -> F,
    ) -> Passing<S::Future>
    where
        F: Future<Output = (Result<Arc<Caller>, Refusal>, Request)> + Send + 'static,
    {
        let Some(access) = self.state.access.clone() else {
            return Passing::Inside { answer: self.inner.call(request), left: None };
        };
        // The one that was asked whether it is ready does the work.
        let other = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, other);
        let (state, identified) = (self.state.clone(), identify(Arc::clone(&access), request));
        Passing::Slow {
            answer: Box::pin(async move {
                let (caller, mut request) = identified.await;
                match admit(&access, caller, need) {
                    Ok((caller, left)) => {
                        note(&state, &mut request, caller);
                        let Ok(mut response) = inner.call(request).await;
                        if let Some((plan, left)) = left {
                            refuse::tell(response.headers_mut(), &plan, &left);
                        }
                        Ok(response)
                    }
                    Err(response) => Ok(*response),
                }
            }),
        }
    }
}

/// Why a request is not let in.
enum Refusal {
    /// Nobody is known, or not for this.
    Denied(Denied),
    /// It cannot be read.
    Fault(Fault),
}

/// What is left of a plan after a request.
type Left = Option<(Arc<Plan>, Allowance)>;

/// Lets a caller in, or tells it why not.
fn admit(
    access: &Access,
    caller: Result<Arc<Caller>, Refusal>,
    need: Need,
) -> Result<(Arc<Caller>, Left), Box<Response>> {
    let denied = |denied: Denied| {
        access.metrics.denied(denied.word());
        Box::new(refuse::denied(denied))
    };
    let caller = caller.map_err(|refusal| match refusal {
        Refusal::Denied(why) => denied(why),
        Refusal::Fault(fault) => Box::new(refuse::plainly(fault)),
    })?;
    if let Need::Scope(scope) = need
        && !caller.scopes.has(scope)
    {
        return Err(denied(Denied::Scope(scope)));
    }
    let left = caller.take(Now::get()).map_err(|exceeded| Box::new(refuse::exceeded(&caller, exceeded)))?;
    let left = caller.plan.clone().zip(left);
    Ok((caller, left))
}

/// Tells those further in who asks, where one of them wants to know.
fn note(state: &ApiState, request: &mut Request, caller: Arc<Caller>) {
    if state.answers.is_some() {
        request.extensions_mut().insert(Asking(caller));
    }
}

fn refused<F>(response: Response) -> Passing<F> {
    Passing::Refused { response: Some(Box::new(response)) }
}

/// Where a request comes from.
fn address(access: &Access, request: &Request) -> IpAddr {
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let peer = request.extensions().get::<ClientAddress>();
    let peer = peer.and_then(|client| client.0.parse::<SocketAddr>().ok()).map_or(unknown, |peer| peer.ip());
    access.proxies.caller(
        peer,
        lines(request.headers(), "forwarded"),
        lines(request.headers(), "x-forwarded-for"),
    )
}

fn lines<'h>(headers: &'h HeaderMap, name: &'static str) -> impl DoubleEndedIterator<Item = &'h str> {
    headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok())
}

pin_project! {
    /// An answer under way. Named, so that a request whose caller is known at once needs no box.
    #[project = PassingProjection]
    pub(super) enum Passing<F> {
        Inside { #[pin] answer: F, left: Left },
        Refused { response: Option<Box<Response>> },
        Slow { answer: Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>> },
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Passing<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            PassingProjection::Inside { answer, left } => {
                let Ok(mut response) = ready!(answer.poll(context));
                if let Some((plan, left)) = left.take() {
                    refuse::tell(response.headers_mut(), &plan, &left);
                }
                Poll::Ready(Ok(response))
            }
            PassingProjection::Refused { response } => {
                let response = response.take().map(|response| *response);
                Poll::Ready(Ok(response.unwrap_or_else(|| {
                    refuse::plainly(Fault::new(Code::Internal, "the answer was asked for twice"))
                })))
            }
            PassingProjection::Slow { answer } => answer.as_mut().poll(context),
        }
    }
}
