//! `ingest --listen`: the inputs of several upstreams, one order.

use std::os::fd::BorrowedFd;

use dreichor_runtime::listener::Listen;
use dreichor_runtime::server::{Host, ServerState, serve};
use dreichor_runtime::upstreams::Limits;
use dreichor_runtime::{Config, ExitCode, gate};

use super::ingest::{start_session, warn_of_outgrown};
use crate::manager::Manager;
use crate::output::Failure;
use crate::progress::Progress;
use crate::signals::Signals;

pub(super) fn run(config: &Config, listen: &Listen) -> Result<ExitCode, Failure> {
    let manager = Manager::connect();
    let admitted = gate::admit_writer(config, || Ok(listen.bind()?), &mut Progress::new("replay"))?;
    let service = Service { manager, signals: Signals::catch()? };
    let mut session = start_session(config, &admitted.stores, admitted.recovered)?;
    service.manager.tell("READY=1");
    warn_of_outgrown(config, &admitted.stores);
    serve(&admitted.opened, &mut session, Limits::default(), &service)?;
    service.manager.tell("STOPPING=1");
    let (inputs, events) = (session.acknowledged(), session.history().size());
    tracing::info!(inputs, events, "all inputs that were recorded are durable and acknowledged");
    Ok(ExitCode::Done)
}

struct Service {
    manager: Manager,
    signals: Signals,
}

impl Host for Service {
    fn wake(&self) -> BorrowedFd<'_> {
        self.signals.wake()
    }

    fn is_asked_to_end(&self) -> bool {
        self.signals.exit_code().is_some()
    }

    fn report(&self, ServerState { connections, last_logical_time }: ServerState) {
        let time = last_logical_time.map_or_else(|| "none".into(), |time| time.to_string());
        self.manager.tell(&format!("STATUS={connections} connections, last logical time {time}"));
    }
}
