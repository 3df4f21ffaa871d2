//! A stream that waits for a slow peer, but not for ever: a phone that left the room must not hold a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::metrics::Metrics;

/// Fails a write when the peer has taken nothing for a while.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    metrics: Arc<Metrics>,
}

impl<S> Patient<S> {
    pub(super) const fn new(stream: S, patience: Duration, metrics: Arc<Metrics>) -> Self {
        Self { stream, patience, stalled: None, metrics }
    }

    /// Passes progress on; turns a wait that lasts too long into an error.
    fn judge<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        if stalled.deadline() > Instant::now() {
            ready!(stalled.as_mut().poll(cx));
        }
        self.metrics.slow_client();
        Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(cx, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_hung_up_on() {
        let (server, client) = duplex(1024);
        let metrics = Arc::new(Metrics::default());
        let mut patient = Patient::new(server, PATIENCE, Arc::clone(&metrics));
        let begun = Instant::now();
        let error = patient.write_all(&[0; 5000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_that_takes_something_now_and_then_gets_everything() {
        let (server, mut client) = duplex(1024);
        let mut patient = Patient::new(server, PATIENCE, Arc::default());
        let read = async move {
            let mut got = 0;
            let mut buffer = [0; 1024];
            while got < 5000 {
                sleep(Duration::from_secs(20)).await;
                got += client.read(&mut buffer).await.unwrap();
            }
            got
        };
        let (written, got) = tokio::join!(patient.write_all(&[0; 5000]), read);
        written.unwrap();
        assert_eq!(got, 5000);
    }
}
