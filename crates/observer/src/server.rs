//! The server: an accept loop of its own, since those of the frameworks do not limit slow clients.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use dreichor_replay::{Directory, Error, Stores};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};
use tower_service::Service;

use crate::about::About;
use crate::connection::{Connections, Place, TICK};
use crate::guard::Guard;
use crate::metrics::Metrics;
use crate::routes::{self, Api};
use crate::source::Source;
use crate::token::Token;

/// The longest request line and headers, in bytes.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// The time that a stop waits for requests in progress.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause of the loop when the system accepts no connection (such as after too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Threads that serve, and threads that read. Two derivations never run at once, nor more than a few searches and
/// large pages, so that quick reads always find one free.
const SERVING_THREADS: usize = 2;
const READING_THREADS: usize = 8;

/// The Observer API over two stores.
pub struct Observer {
    api: Router,
    metrics: Arc<Metrics>,
}

/// A running Observer.
pub struct Running {
    runtime: Runtime,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Observer {
    /// Observes the stores, whose files must not be replaced from now on. With a token, only requests with it are
    /// admitted; without, only requests for a loopback name.
    pub fn new(stores: Stores<Directory>, about: About, token: Option<Token>) -> Result<Self, Error> {
        let metrics = Arc::new(Metrics::new());
        let source = Arc::new(Source::new(stores, Arc::clone(&metrics))?);
        let guard = Arc::new(Guard { token, metrics: Arc::clone(&metrics) });
        let api = Arc::new(Api { source, about, metrics: Arc::clone(&metrics) });
        Ok(Self { api: routes::router(api, guard), metrics })
    }

    /// Starts to serve on threads of its own. The listener is one of the standard library, bound beforehand.
    pub fn start(self, listener: TcpListener) -> io::Result<Running> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(SERVING_THREADS)
            .max_blocking_threads(READING_THREADS)
            .thread_name("observer")
            .enable_io()
            .enable_time()
            .build()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = watch::channel(false);
        let connections = Connections::new(self.metrics);
        let accepting = runtime.spawn(accept(listener, self.api, connections, stopped));
        Ok(Running { runtime, address, stop, accepting })
    }
}

impl Running {
    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, gives requests in progress at most 5 s to finish, and ends.
    pub fn stop(self) {
        let Self { runtime, stop, accepting, .. } = self;
        runtime.block_on(async {
            // Each connection holds a receiver: when all receivers are closed, all connections are.
            let _ = stop.send(true);
            let _ = timeout(STOP_TIMEOUT, async {
                let _ = accepting.await;
                stop.closed().await;
            })
            .await;
        });
        // A derivation without a waiting request need not end.
        runtime.shutdown_background();
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    api: Router,
    connections: Arc<Connections>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "observer: no connection accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = tokio::select! {
            place = connections.place() => place,
            _ = stopped.changed() => return,
        };
        if let Ok(place) = place {
            tokio::spawn(serve(stream, api.clone(), place, stopped.clone()));
        }
    }
}

/// Serves one connection until its client closes it, takes too long, or is closed in favor of another.
async fn serve(stream: TcpStream, api: Router, place: Place, mut stopped: watch::Receiver<bool>) {
    // Answers are written as a whole, so no delay is needed. If the socket refuses the option, it is only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| {
        let asked = place.connection.ask();
        let (mut api, place) = (api.clone(), &place);
        async move {
            let Ok(response) = api.call(request.map(Body::new)).await;
            let room = place.room(response.body().size_hint().lower()).await?;
            Ok::<_, io::Error>(response.map(|body| place.connection.answer(asked, body, room)))
        }
    });
    let serving = http1::Builder::new()
        .max_header_size(HEAD_BYTES_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    let mut ticks = interval(TICK);
    let mut is_stopping = *stopped.borrow();
    if is_stopping {
        serving.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            // A client that breaks HTTP or disconnects affects only itself.
            _ = serving.as_mut() => return,
            () = place.connection.evicted() => return,
            _ = ticks.tick() => {
                if place.connection.is_overdue() {
                    return;
                }
            }
            _ = stopped.changed(), if !is_stopping => {
                is_stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
