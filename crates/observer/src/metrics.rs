//! Metrics, in the text format of OpenMetrics 1.0.

use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use dreichor_replay::receipt::PROGRAM_VERSION;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 11] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];

/// The counters.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Endpoint, Histogram>,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Connections that were closed in favor of others.
    pub(crate) evictions: Counter,
    /// Replays of the whole log.
    pub(crate) derivations: Counter,
    events_bytes: Gauge,
    snapshots_bytes: Gauge,
    ready: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    endpoint: Text,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    endpoint: Text,
    status: u16,
}

/// A label of few values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Text(Box<str>);

impl EncodeLabelValue for Text {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        EncodeLabelValue::encode(&&*self.0, encoder)
    }
}

/// The facts of the stores that are read with each request for metrics.
pub(crate) struct Observation {
    /// Sizes of log and snapshots, in bytes; 0 if missing or unreadable.
    pub(crate) bytes: [u64; 2],
    /// The answer of `/readyz`.
    pub(crate) is_ready: bool,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("dreichor");
        let version = Info::new(vec![("version", PROGRAM_VERSION)]);
        registry.register("build", "This program", version);
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            connections: Gauge::default(),
            evictions: Counter::default(),
            derivations: Counter::default(),
            events_bytes: Gauge::default(),
            snapshots_bytes: Gauge::default(),
            ready: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's headers to its answer",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register("http_connections", "Open connections", metrics.connections.clone());
        registry.register(
            "http_connections_evicted",
            "Slow or silent connections that were closed in favor of others",
            metrics.evictions.clone(),
        );
        registry.register("derivations", "Replays of the whole log", metrics.derivations.clone());
        registry.register_with_unit(
            "audit_events",
            "Size of the audit log",
            Unit::Bytes,
            metrics.events_bytes.clone(),
        );
        registry.register_with_unit(
            "snapshots",
            "Size of the snapshots",
            Unit::Bytes,
            metrics.snapshots_bytes.clone(),
        );
        registry.register("ready", "1 if the stores are sound, as far as it is known", metrics.ready.clone());
        Self { registry, ..metrics }
    }

    /// Counts a request to a path of the router.
    pub(crate) fn count(&self, endpoint: &str, status: StatusCode, duration: Duration) {
        let endpoint = Text(endpoint.into());
        let answered = Answered { endpoint: endpoint.clone(), status: status.as_u16() };
        self.requests.get_or_create(&answered).inc();
        self.durations.get_or_create(&Endpoint { endpoint }).observe(duration.as_secs_f64());
    }

    /// All metrics as text.
    pub(crate) fn encode(&self, observation: &Observation) -> Result<String, fmt::Error> {
        let gauges =
            [(&self.events_bytes, observation.bytes[0]), (&self.snapshots_bytes, observation.bytes[1])];
        for (gauge, value) in gauges {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.ready.set(i64::from(observation.is_ready));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
