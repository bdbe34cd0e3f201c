//! The server: one thread that accepts, reads requests and sends answers, and does nothing else, so that it is never
//! far from a probe.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use dreichor_replay::{Directory, Stores};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower_service::Service;

use crate::about::About;
use crate::connection::{Connections, Listed, Metered};
use crate::guard::{Guard, Refused, is_probe};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::room::Room;
use crate::routes::{self, Api, Described, Page};
use crate::source::{Asked, Source, StartError};
use crate::token::Token;

/// The longest request line and headers, in bytes.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// How long the loop rests when the system gives no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The Observer API over two stores.
pub struct Observer {
    api: Router,
    connections: Arc<Connections>,
    limits: Limits,
}

/// A running Observer.
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Observer {
    /// Observes the stores, whose files are from now on never to be replaced. With a token, only requests that have it
    /// are answered; without, only those for a loopback name.
    ///
    /// # Errors
    ///
    /// A store cannot be read, or the system gives no thread.
    pub fn new(
        stores: Stores<Directory>,
        about: About,
        token: Option<Token>,
        limits: Limits,
    ) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new());
        let connections = Connections::new(limits, Arc::clone(&metrics));
        let room = Arc::new(Room::new(limits.room_bytes, Arc::clone(&connections)));
        let ready = &about.started_with;
        let source = Arc::new(Source::new(stores, ready, limits, Arc::clone(&metrics), room)?);
        let guard = Arc::new(Guard { token, limits, metrics: Arc::clone(&metrics) });
        let (router, document) = routes::documented();
        let description = Described::of(&document)?;
        let api = Arc::new(Api { source, about, metrics, description, page: Page::new()? });
        Ok(Self { api: routes::guarded(router, api, guard), connections, limits })
    }

    /// Starts to serve on a thread of its own. The listener is one of the standard library, bound beforehand.
    ///
    /// # Errors
    ///
    /// The system gives no thread, or refuses the listener.
    pub fn start(self, listener: TcpListener) -> io::Result<Running> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = watch::channel(false);
        let serving = thread::Builder::new().name("observer".into()).spawn(move || {
            runtime.block_on(self.serve(listener, stopped));
        })?;
        Ok(Running { address, stop, serving })
    }

    async fn serve(self, listener: tokio::net::TcpListener, stopped: watch::Receiver<bool>) {
        // Each connection holds an end of this: when all are gone, so are they.
        let (alive, mut gone) = tokio::sync::mpsc::channel::<()>(1);
        self.accept(&listener, &stopped, &alive).await;
        drop((listener, alive));
        let _ = timeout(self.limits.stop, gone.recv()).await;
    }

    async fn accept(
        &self,
        listener: &tokio::net::TcpListener,
        stopped: &watch::Receiver<bool>,
        alive: &tokio::sync::mpsc::Sender<()>,
    ) {
        let mut until = stopped.clone();
        let mut was_refused = false;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = until.wait_for(|is_stopped| *is_stopped) => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    was_refused = false;
                    let listed = self.connections.list();
                    let serving = serve(stream, self.api.clone(), listed, self.limits, stopped.clone());
                    let alive = alive.clone();
                    tokio::spawn(async move {
                        serving.await;
                        drop(alive);
                    });
                }
                Err(error) => {
                    if !std::mem::replace(&mut was_refused, true) {
                        tracing::warn!(%error, "observer: the system gives no connection; idle ones are closed");
                    }
                    // It may be for want of descriptors.
                    self.connections.evict_idle();
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl Running {
    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, gives requests in progress at most 5 s to finish, and ends.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        // A thread that reads need not end: the process does.
        let _ = self.serving.join();
    }
}

/// Serves one connection until its client closes it, takes too long, or is closed in favor of another.
async fn serve(
    stream: TcpStream,
    api: Router,
    listed: Listed,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    // Answers are written as a whole, so no delay is needed. If the socket refuses the option, it is only slower.
    let _ = stream.set_nodelay(true);
    let stream = Arc::new(stream);
    let connection = &listed.connection;
    let service = service_fn(|mut request: Request<Incoming>| {
        let (mut api, listed) = (api.clone(), &listed);
        async move {
            let connection = &listed.connection;
            let asked = Asked::now(limits, request.uri(), request.headers());
            request.extensions_mut().insert(asked);
            let place = if is_probe(request.uri().path()) {
                connection.probe();
                Ok(None)
            } else {
                listed.place(asked).await.map(Some)
            };
            if let Err(busy) = &place {
                request.extensions_mut().insert(Refused(busy.clone()));
            }
            let Ok(response) = api.call(request.map(Body::new)).await;
            drop(place);
            Ok::<_, io::Error>(response.map(|body| connection.send(body)))
        }
    });
    let serving = http1::Builder::new()
        .max_header_size(HEAD_BYTES_MAX)
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .half_close(true)
        .serve_connection(
            TokioIo::new(Metered::new(Arc::clone(&stream), Arc::clone(connection), limits.stall)),
            service,
        );
    let mut serving = pin!(serving);
    let mut is_stopping = *stopped.borrow();
    if is_stopping {
        serving.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                // A client that breaks HTTP or disconnects affects only itself.
                if let Err(error) = ended && connection.is_sending() {
                    tracing::info!(error = %chain(&error), "observer: an answer was cut off");
                }
                return;
            }
            // A client that is gone in the middle of its request is not worked for. One that has only closed its sending
            // half looks the same as one that has ended orderly: it gets its answer.
            _ = stream.ready(Interest::ERROR) => return,
            () = connection.evicted() => {
                if connection.is_sending() {
                    tracing::info!("observer: an answer was cut off: its place or room was wanted, and its client took the fewest bytes");
                }
                return;
            }
            _ = stopped.changed(), if !is_stopping => {
                is_stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
