//! Metrics, in the text formats of OpenMetrics 1.0 and of Prometheus 0.0.4.

use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use dreichor_core::value::Spelled;
use dreichor_explain::{Funnel, Outcome};
use dreichor_replay::receipt::PROGRAM_VERSION;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::derived::{AsOf, Derived};

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
    free_bytes: Gauge,
    changed: Gauge,
    events: Gauge,
    last_logical_time: Gauge,
    decisions: Family<Became, Gauge>,
    ready: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Became {
    outcome: Text,
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
    /// When the log last grew, by the time of its file, in seconds since 1970.
    pub(crate) changed: i64,
    /// What is free on its file system, if that is known.
    pub(crate) free_bytes: Option<u64>,
    /// How many events there are, and the time of the last.
    pub(crate) as_of: AsOf,
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
            free_bytes: Gauge::default(),
            changed: Gauge::default(),
            events: Gauge::default(),
            last_logical_time: Gauge::default(),
            decisions: Family::default(),
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
        registry.register_with_unit(
            "audit_events_free",
            "What is free on the audit log's file system",
            Unit::Bytes,
            metrics.free_bytes.clone(),
        );
        registry.register_with_unit(
            "audit_events_changed_timestamp",
            "When the audit log last grew, by the time of its file, since 1970",
            Unit::Seconds,
            metrics.changed.clone(),
        );
        registry.register("audit_events", "Events of the audit log", metrics.events.clone());
        registry.register(
            "last_logical_time",
            "Logical time of the last event",
            metrics.last_logical_time.clone(),
        );
        registry.register(
            "decisions",
            "Decisions by outcome, of the last derived state",
            metrics.decisions.clone(),
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

    /// Notes what the stores are.
    pub(crate) fn observe(&self, observation: &Observation) {
        let Observation { bytes: [events_bytes, snapshots_bytes], changed, free_bytes, as_of } = observation;
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.events_bytes.set(gauge(*events_bytes));
        self.snapshots_bytes.set(gauge(*snapshots_bytes));
        self.changed.set(*changed);
        self.free_bytes.set(free_bytes.map_or(-1, gauge));
        self.events.set(gauge(as_of.tree_size));
        self.last_logical_time.set(as_of.logical_time.map_or(-1, gauge));
    }

    /// Notes what the decisions of a derived state became.
    pub(crate) fn note(&self, derived: &Derived) {
        let mut funnel = Funnel::default();
        derived.fates.iter().for_each(|fate| funnel.add(*fate));
        for outcome in Outcome::ALL {
            let label = Became { outcome: Text(outcome.as_str().into()) };
            let count = i64::try_from(funnel.outcome(*outcome)).unwrap_or(i64::MAX);
            self.decisions.get_or_create(&label).set(count);
        }
    }

    /// All metrics as text of OpenMetrics.
    pub(crate) fn encode(&self, is_ready: bool) -> Result<String, fmt::Error> {
        self.ready.set(i64::from(is_ready));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// The same as text of Prometheus 0.0.4: it has no units, no end, no info, and counters are named with `_total`.
    pub(crate) fn as_prometheus(text: &str) -> String {
        let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let kinds: Vec<(&str, &str)> = kinds.collect();
        let kind = |name| kinds.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        let mut prometheus = String::new();
        for line in text.lines() {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("UNIT" | "EOF"), ..) => continue,
                (Some("#"), Some(keyword), Some(name), rest) => {
                    let rest = rest.unwrap_or_default();
                    let (suffix, rest) = match (kind(name), rest) {
                        (Some("counter"), rest) => ("_total", rest),
                        (Some("info"), "info") => ("_info", "gauge"),
                        (Some("info"), rest) => ("_info", rest),
                        (_, rest) => ("", rest),
                    };
                    prometheus.extend(["# ", keyword, " ", name, suffix, " ", rest]);
                }
                _ => prometheus.push_str(line),
            }
            prometheus.push('\n');
        }
        prometheus
    }
}
