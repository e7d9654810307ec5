use std::future::Future;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What becomes of a request.
pub(crate) enum Reply {
    /// An answer, after which the connection stays open.
    Whole(Vec<u8>),
    /// The beginning of an answer, then the end of the connection.
    Cut(Vec<u8>),
    /// The end of the connection.
    HangUp,
}

impl Reply {
    /// An answer with this status, these header lines (each with its line end) and this body.
    pub(crate) fn new(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Whole(
            format!("HTTP/1.1 {status} Stub\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes(),
        )
    }
}

/// Has `answer` answer every request that comes to `listener`, for ever.
pub(crate) async fn serve<F>(listener: TcpListener, answer: impl Fn(Call) -> F + Clone + Send + 'static)
where
    F: Future<Output = Reply> + Send + 'static,
{
    while let Ok((mut socket, _)) = listener.accept().await {
        let answer = answer.clone();
        tokio::spawn(async move {
            while let Some(call) = read_call(&mut socket).await {
                let (bytes, stays) = match answer(call).await {
                    Reply::Whole(bytes) => (bytes, true),
                    Reply::Cut(bytes) => (bytes, false),
                    Reply::HangUp => return,
                };
                if socket.write_all(&bytes).await.is_err() || !stays {
                    return;
                }
            }
        });
    }
}

async fn read_call(socket: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::with_capacity(4096);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("ASCII");
    let mut call = Call { head, body: String::new() };
    let length: usize = call.header("content-length").map_or(0, |text| text.parse().expect("a length"));
    while bytes.len() < end + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    call.body = String::from_utf8(bytes.split_off(end)).expect("text");
    Some(call)
}
