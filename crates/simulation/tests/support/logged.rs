//! The errors that the program logs.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Logged {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

thread_local! {
    static LOGGED: (Logged, Dispatch) = {
        let logged = Logged::default();
        (logged.clone(), Dispatch::new(logged))
    };
}

/// Runs `act`; returns its result, and the errors that were logged during it.
pub(crate) fn of<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    LOGGED.with(|(logged, dispatch)| {
        logged.0.lock().unwrap().clear();
        let result = tracing::dispatcher::with_default(dispatch, act);
        let lines = std::mem::take(&mut *logged.0.lock().unwrap());
        (result, lines)
    })
}
