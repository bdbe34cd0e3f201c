//! Where answers come from: the stores, looked at for each request, and what was derived from them.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri};
use dreichor_core::Hash;
use dreichor_core::canonical::Sink as _;
use dreichor_core::id::DecisionId;
use dreichor_core::tree::Hasher;
use dreichor_explain::{Explained, explain_in};
use dreichor_replay::page::Search;
use dreichor_replay::reference::Reference;
use dreichor_replay::{Directory, Error, Receipt, Stores, View};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::answer::{Answer, NDJSON, Outcome, accepts, with_as_of};
use crate::derived::{AsOf, Derived};
use crate::encoding::Encoding;
use crate::flight::{Flights, Kept, Size as _};
use crate::held::Held;
use crate::limits::Limits;
use crate::look::{Files, Look};
use crate::metrics::{Metrics, Observation};
use crate::problem::Problem;
use crate::readers::{Readers, Wanted};
use crate::room::Room;

/// What is asked of a thread: each kind has threads of its own, so that quick answers always find one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// A few lines, or a few entries of what is derived already.
    Quick,
    /// A large page.
    Large,
    /// A search through the log.
    Search,
}

/// How many threads each kind of work has.
const QUICK_THREADS: usize = 2;
const LARGE_THREADS: usize = 2;
const SEARCH_THREADS: usize = 2;

/// The size of the cache of stories, in bytes.
const STORIES_BYTES_MAX: usize = 16 << 20;

/// The stores, and the cached results.
pub(crate) struct Source {
    stores: Arc<Stores<Held>>,
    pub(crate) limits: Limits,
    metrics: Arc<Metrics>,
    room: Arc<Room>,
    quick: Readers,
    large: Readers,
    search: Readers,
    /// One derivation at a time, and one story beside it.
    derive: Readers,
    tell: Readers,
    /// For probes: a disk that hangs holds this thread, and no probe.
    check: Readers,
    derived: Flights<(), Arc<Derived>>,
    stories: Flights<DecisionId, Answer>,
    health: Mutex<Health>,
    /// Closed once the check that goes on is over.
    checking: Mutex<Option<watch::Receiver<()>>>,
    /// Of a beginning of the log: its bytes, and how many events it has.
    counted: Mutex<(u64, u64)>,
}

/// The knowledge about the stores since READY.
struct Health {
    /// The greatest sizes of the whole lines of log and snapshots that were read: they never become smaller.
    ends: [u64; 2],
    /// The last size and root of the tree that this process has seen: the log extends it for ever.
    head: (u64, Hash),
    /// The files that were last found to be sound.
    checked: Option<Files>,
    /// The fault that was found, and the identity of its files.
    fault: Option<(Files, Problem)>,
}

impl Source {
    /// Observes these stores: from now on, existing files must not be replaced or removed. READY says that
    /// they are sound, and how the log begins.
    pub(crate) fn new(
        stores: Stores<Directory>,
        ready: &Receipt,
        limits: Limits,
        metrics: Arc<Metrics>,
        room: Arc<Room>,
    ) -> Result<Self, StartError> {
        let stores = Arc::new(stores.map(Held::new));
        let look = Look::take(&stores)?;
        let head = (ready.events, ready.root_hash);
        let health = Health { ends: look.ends(), head, checked: Some(look.files()), fault: None };
        drop(look);
        Ok(Self {
            stores,
            limits,
            metrics,
            room,
            quick: Readers::start("quick", QUICK_THREADS)?,
            large: Readers::start("large", LARGE_THREADS)?,
            search: Readers::start("search", SEARCH_THREADS)?,
            derive: Readers::start("derive", 1)?,
            tell: Readers::start("tell", 1)?,
            check: Readers::start("check", 1)?,
            derived: Flights::new(1, limits.answer),
            stories: Flights::new(STORIES_BYTES_MAX, limits.answer),
            health: Mutex::new(health),
            checking: Mutex::default(),
            counted: Mutex::new((ready.bytes, ready.events)),
        })
    }

    fn readers(&self, work: Work) -> &Readers {
        match work {
            Work::Quick => &self.quick,
            Work::Large => &self.large,
            Work::Search => &self.search,
        }
    }

    /// Looks at the files, and answers by `read`, on a thread that may wait for the disk. There is room for an answer of
    /// `bytes` before it is made. What is found wrong with the stores is remembered.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        asked: Asked,
        work: Work,
        bytes: u64,
        read: impl FnOnce(&Look, &Wanted<'_>) -> Outcome + Send + 'static,
    ) -> Outcome {
        let place = self.room.take(asked.encoding.memory(bytes)).await;
        let answer = self.read(work, move |look, wanted| read(look, wanted)?.encoded(asked.encoding));
        Ok(answer.await?.within(place))
    }

    /// The same for what is not an answer yet.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: Work,
        read: impl FnOnce(&Look, &Wanted<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let source = Arc::clone(self);
        self.readers(work).run(move |wanted| source.read_here(|look| read(look, wanted))).await
    }

    /// The same on this thread.
    fn read_here<T>(&self, read: impl FnOnce(&Look) -> Result<T, Problem>) -> Result<T, Problem> {
        let look = self.look()?;
        read(&look).inspect_err(|problem| self.remember(look.files(), problem))
    }

    /// Looks at the files: they are the same as ever, and have no fewer whole lines.
    fn look(&self) -> Result<Look, Problem> {
        // Known before they are looked at: of a log that grows, another request may see more meanwhile.
        let known = self.health().ends;
        let look = Look::take(&self.stores).map_err(|error| {
            let problem = Problem::from(error);
            // They could not be looked at.
            self.remember(Files::default(), &problem);
            problem
        })?;
        for ((path, known), end) in look.paths().into_iter().zip(known).zip(look.ends()) {
            if end < known {
                let problem = Problem::from(Error::unavailable(
                    path,
                    format!("it was truncated: of {known} bytes of whole lines, {end} are left"),
                    "find out which process changed the file; `dreichor replay` shows what it holds now",
                ));
                self.remember(look.files(), &problem);
                return Err(problem);
            }
        }
        let mut health = self.health();
        for (most, end) in health.ends.iter_mut().zip(look.ends()) {
            *most = end.max(*most);
        }
        Ok(look)
    }

    /// Answers by `make` of what the whole log adds up to. Answers of [`Work::Large`] are kept as long as the derived
    /// state.
    pub(crate) async fn derive(
        self: &Arc<Self>,
        asked: Asked,
        work: Work,
        bytes: u64,
        make: impl FnOnce(&Derived) -> Outcome + Send + 'static,
    ) -> Outcome {
        let derived = self.derived(asked).await?;
        let is_kept = match work {
            Work::Large => true,
            Work::Quick | Work::Search => false,
        };
        if is_kept && let Some(answer) = derived.answers.find(asked) {
            let place = self.room.take(answer.size() as u64).await;
            return Ok(answer.within(place));
        }
        let place = self.room.take(asked.encoding.memory(bytes)).await;
        let make = move |_: &Wanted<'_>| {
            let answer = make(&derived)?.encoded(asked.encoding)?;
            if is_kept {
                derived.answers.keep(asked, answer.clone());
            }
            Ok(answer)
        };
        Ok(self.readers(work).run(make).await?.within(place))
    }

    /// What the whole log adds up to: as it is now, or was since the request began, or as it was when a computation
    /// ended that was too long for a request before.
    pub(crate) async fn derived(self: &Arc<Self>, asked: Asked) -> Result<Arc<Derived>, Problem> {
        let files = self.read(Work::Quick, |look, _| Ok(look.files())).await?;
        let source = Arc::clone(self);
        let compute = move |source: &Self| {
            source.metrics.derivations.inc();
            let begun = Instant::now();
            let mut files = None;
            let result = source.read_here(|look| {
                files = Some(look.files());
                let head = source.health().head;
                let derived = Derived::compute(look, head)?;
                source.health().head = (derived.replayed.history.size(), derived.root_hash);
                source.metrics.note(&derived);
                Ok(Arc::new(derived))
            });
            Kept::new(files, begun, result)
        };
        self.derived
            .join((), files, asked, |flight| {
                self.derive.put(move || flight.land(|| compute(&source)));
            })
            .await
    }

    /// What a beginning of the log adds up to, which may have been the whole a while ago: for what is then read from the
    /// log. What follows it is no more than a search reads.
    pub(crate) async fn some_derived(self: &Arc<Self>, asked: Asked) -> Result<Arc<Derived>, Problem> {
        let looked = self.read(Work::Quick, |look, _| Ok((look.files(), look.view().end())));
        let (files, end) = looked.await?;
        let is_recent = |derived: &Arc<Derived>| {
            end.saturating_sub(derived.replayed.events_bytes) <= self.limits.search_bytes
        };
        match self.derived.peek((), files).filter(is_recent) {
            Some(derived) => Ok(derived),
            None => self.derived(asked).await,
        }
    }

    /// What metrics say of the stores.
    pub(crate) fn observe(&self, look: &Look) -> Result<Observation, Problem> {
        let [events, snapshots] = look.stats();
        let view = look.view();
        Ok(Observation {
            bytes: [events, snapshots].map(|stat| stat.map_or(0, |stat| stat.size)),
            changed: events.map_or(0, |stat| stat.change_time.0),
            free_bytes: look.free_bytes(),
            as_of: self.as_of(&view)?,
        })
    }

    /// The story of a decision that is in the log, as JSON; as of when, is as of [`Source::derived`].
    pub(crate) async fn story(self: &Arc<Self>, id: DecisionId, asked: Asked) -> Outcome {
        let files = self.read(Work::Quick, |look, _| Ok(look.files())).await?;
        let source = Arc::clone(self);
        let compute = move |source: &Self| {
            source.metrics.derivations.inc();
            let begun = Instant::now();
            let mut files = None;
            let result = source.read_here(|look| {
                files = Some(look.files());
                tell(look, id)
            });
            Kept::new(files, begun, result)
        };
        let answer = self.stories.join(id, files, asked, |flight| {
            self.tell.put(move || flight.land(|| compute(&source)));
        });
        // One story is made at a time, so it needs room only from then on.
        let answer = answer.await?;
        let place = self.room.take(asked.encoding.memory(answer.size() as u64)).await;
        let answer = self.large.run(move |_| answer.encoded(asked.encoding)).await?;
        Ok(answer.within(place))
    }

    /// The prefix of the log that a view shows. Counts only the lines that were added since the last time.
    pub(crate) fn as_of(&self, view: &View<'_, Held>) -> Result<AsOf, Problem> {
        let known = *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, events) = if known.0 <= view.end() { known } else { (0, 0) };
        let events = events + view.count_lines(bytes, view.end())?;
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = (view.end(), events);
        Ok(AsOf::new(events, view.last_time()?))
    }

    /// What is known to be wrong with the stores.
    pub(crate) fn known_health(&self) -> Result<(), Problem> {
        self.health().fault.as_ref().map_or(Ok(()), |(_, problem)| Err(problem.clone()))
    }

    /// The same for a probe: has the stores looked at, on another thread, and waits a moment for what is found.
    pub(crate) async fn probe(self: &Arc<Self>) -> Result<(), Problem> {
        let mut over = {
            let mut checking = self.checking.lock().unwrap_or_else(PoisonError::into_inner);
            match checking.as_ref().filter(|over| over.has_changed().is_ok()) {
                Some(over) => over.clone(),
                None => {
                    let (ends, over) = watch::channel(());
                    let source = Arc::clone(self);
                    tokio::spawn(async move {
                        let _ends = ends;
                        // What it finds is remembered.
                        let _ = source.check().await;
                    });
                    checking.insert(over).clone()
                }
            }
        };
        let _ = timeout(self.limits.probe, over.changed()).await;
        self.known_health()
    }

    /// Looks at the stores. Of a store that has grown, as stores do, the end is read; one that changed in another way, or
    /// that had a fault, is read as a whole.
    async fn check(self: &Arc<Self>) -> Result<(), Problem> {
        let source = Arc::clone(self);
        let files = self.check.run(move |_| source.read_here(|look| Ok(look.files()))).await?;
        let (checked, faulty) = {
            let health = self.health();
            match &health.fault {
                Some((faulty, problem)) if *faulty == files && problem.is_of_the_bytes() => return Ok(()),
                // What follows a fault does not remove it, and what could not be read may be readable by now.
                Some((faulty, _)) => (None, Some(*faulty)),
                None => (health.checked, None),
            }
        };
        if checked == Some(files) {
            return Ok(());
        }
        if checked.is_some_and(|checked| files.have_grown_since(checked)) {
            let source = Arc::clone(self);
            let read = move |_: &Wanted<'_>| {
                source.read_here(|look| {
                    let view = look.view();
                    view.page_before(view.end(), &Search::of_all(1))?;
                    look.latest()?.map(|latest| latest.read()).transpose()?;
                    Ok(())
                })
            };
            self.check.run(read).await?;
        } else {
            if faulty.is_some() {
                // The earlier result does not cover it.
                self.derived.forget();
            }
            self.derived(Asked::now(self.limits, &Uri::default(), &HeaderMap::new())).await?;
        }
        let mut health = self.health();
        health.checked = Some(files);
        // A fault that was found in the meantime stays.
        if health.fault.take_if(|(found, _)| Some(*found) == faulty).is_some() {
            tracing::info!("the stores are sound again");
        }
        Ok(())
    }

    /// Remembers what a look at the files has found wrong.
    fn remember(&self, files: Files, problem: &Problem) {
        if problem.is_of_the_stores() {
            let mut health = self.health();
            if health.fault.is_none() {
                problem.log();
            }
            health.fault = Some((files, problem.clone()));
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // What is kept is whole after every step, whatever panicked in between.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a request came, and until when it can be answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) until: Instant,
    /// The SHA-256 of what it asks for: the path, and the parameters as they were given.
    pub(crate) target: Hash,
    /// True if it asks for the lines of a page as NDJSON.
    pub(crate) is_for_lines: bool,
    pub(crate) encoding: Encoding,
}

impl Asked {
    pub(crate) fn now(limits: Limits, uri: &Uri, headers: &HeaderMap) -> Self {
        let at = Instant::now();
        let mut target = Hasher::plain();
        target.put(uri.path_and_query().map_or("", PathAndQuery::as_str).as_bytes());
        Self {
            at,
            until: at + limits.answer,
            target: target.finish(),
            is_for_lines: accepts(headers, NDJSON),
            encoding: Encoding::of(headers),
        }
    }
}

/// Why an Observer cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A store cannot be read.
    #[error(transparent)]
    Stores(#[from] Error),
    /// A bug.
    #[error("the Observer cannot describe itself")]
    Description,
    /// The system gives no thread.
    #[error("the Observer cannot start: {0}")]
    Threads(#[from] io::Error),
}

impl From<Problem> for StartError {
    fn from(_: Problem) -> Self {
        Self::Description
    }
}

fn tell(look: &Look, id: DecisionId) -> Outcome {
    let (story, history) =
        match explain_in(look.replay()?, &look.view(), &Reference::from(id.uuid()), &mut ())? {
            Explained::Story(story, replayed) => (story, replayed.history),
            Explained::Nothing(_) | Explained::Ambiguous(_) => {
                return Err(Problem::internal("a decision without a story"));
            }
        };
    with_as_of(story.to_json(), AsOf::new(history.size(), history.state().last_logical_time()))
}
