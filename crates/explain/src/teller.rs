//! Tells a story while its log is replayed.

use dreichor_core::event::{Body, DecisionEvaluated};
use dreichor_core::id::content_id;
use dreichor_core::tick::{Comparison, Reexecution};
use dreichor_core::{Event, State};
use dreichor_replay::Entry;
use dreichor_replay::page::PAGE_BYTES_MAX;
use dreichor_replay::reference::Subject;

use crate::decided::Decided;
use crate::decision::listed;
use crate::scene::{Order, Scene};
use crate::story::{Story, Told};
use crate::{decision, execution, feedback, order, safety};

/// Tells the story of one subject, entry by entry of its log.
pub(crate) struct Teller {
    subject: Option<Subject>,
    telling: Option<Telling>,
}

/// The story so far.
struct Telling {
    /// None: the story is of no decision.
    tick: Option<Tick>,
    decided: Option<Decided>,
    story: Story,
    /// The space that is left for feedback, in bytes of JSON.
    room: usize,
}

/// The decision's tick so far.
struct Tick {
    scene: Scene,
    again: Reexecution,
}

impl Teller {
    /// Will tell of the subject, if the log has it.
    pub(crate) fn new(subject: Option<Subject>) -> Self {
        Self { subject, telling: None }
    }

    /// The story, once the log is replayed; none if the subject is not in it.
    pub(crate) fn story(self) -> Option<Story> {
        self.telling.map(Telling::end)
    }

    /// Tells of the entry, if it belongs to the subject.
    pub(crate) fn tell(&mut self, entry: &Entry<'_>) {
        let body = &entry.event.body;
        let is_asked_for = match self.subject {
            None => false,
            Some(Subject::Decision(id)) => body.decision_id() == Some(id),
            Some(Subject::Window(id)) => {
                matches!(body, Body::UserFeedbackRecorded(given) if given.feedback_id == id)
            }
        };
        if is_asked_for {
            // The grammar has a decision's first event come before all others of it or on it.
            let begin = || Telling::begin(entry.event, entry.history.state());
            self.telling.get_or_insert_with(begin).go_on(entry);
        }
    }
}

impl Telling {
    fn begin(event: &Event<'_>, state: &State) -> Self {
        let tick = match &event.body {
            Body::DecisionEvaluated(decision) => Some(Tick::begin(event, decision, state)),
            Body::OrderIntentCreated(_)
            | Body::OrderIntentSkipped(_)
            | Body::SafetyEvaluated(_)
            | Body::ExecutionAttempted(_)
            | Body::ExecutionOutcomeRecorded(_)
            | Body::LedgerUpdated(_)
            | Body::UserFeedbackRecorded(_) => None,
        };
        let decision_id = event.body.decision_id();
        let story = Story {
            decision_id,
            outcome: None,
            is_interrupted: false,
            feedback_left_out: 0,
            events: Vec::new(),
        };
        Self { tick, decided: None, story, room: PAGE_BYTES_MAX }
    }

    #[expect(clippy::expect_used, reason = "the fold has checked the grammar of the tick")]
    fn go_on(&mut self, entry: &Entry<'_>) {
        match &mut self.decided {
            Some(decided) if entry.event.body.tick_decision_id().is_some() => {
                decided.add(entry.event).expect("the fold accepts no tick that is refused here");
            }
            // Feedback is no part of the tick.
            Some(_) => {}
            None => self.decided = Decided::begin(entry.event, entry.line.offset),
        }
        let told = Told {
            line: entry.line.number,
            event_type: entry.event.body.event_type(),
            event_id: content_id(entry.leaf),
            bytes: entry.line.bytes.to_vec(),
            sentences: self.sentences(entry.event, entry.history.state()),
        };
        // A tick is a few events. Only feedback can be too much.
        match self.room.checked_sub(told.json_bytes_max()) {
            Some(left) => {
                self.room = left;
                self.story.events.push(told);
            }
            None => {
                self.room = 0;
                self.story.feedback_left_out += 1;
            }
        }
    }

    fn sentences(&mut self, event: &Event<'_>, state: &State) -> Vec<String> {
        if let Body::UserFeedbackRecorded(given) = &event.body {
            return vec![feedback::tell(event.logical_time, given)];
        }
        self.story.is_interrupted = state.open_tick().is_some();
        self.tick.as_mut().map_or_else(Vec::new, |tick| tick.tell(event, state))
    }

    fn end(mut self) -> Story {
        self.story.outcome = self.decided.as_ref().map(Decided::sentence);
        let left_out = self.story.feedback_left_out;
        if let (Some(tick), Some(last)) = (self.tick, self.story.events.last_mut()) {
            if self.story.is_interrupted {
                last.sentences.push(tick.tell_interruption());
            }
            if left_out > 0 {
                last.sentences.push(feedback::tell_left_out(left_out, tick.scene.decision.decision_id));
            }
        }
        self.story
    }
}

impl Tick {
    fn begin(event: &Event<'_>, decision: &DecisionEvaluated, state: &State) -> Self {
        let time = event.logical_time;
        Self { scene: Scene::set(time, decision, state), again: Reexecution::of(state, time, decision) }
    }

    fn tell(&mut self, event: &Event<'_>, state: &State) -> Vec<String> {
        let mut sentences = Vec::from_iter(self.find_stray(event));
        let scene = &mut self.scene;
        match &event.body {
            Body::DecisionEvaluated(_) => sentences.extend(decision::tell(scene)),
            Body::OrderIntentCreated(created) => {
                sentences.push(order::tell_created(created, scene));
                let position = state.ledger().positions().get(&created.market_id).cloned();
                scene.intent.get_or_insert_with(|| created.clone());
                scene.order = Some(Order { intent: created.clone(), position });
            }
            Body::OrderIntentSkipped(skipped) => sentences.push(order::tell_skipped(skipped.reason, scene)),
            Body::SafetyEvaluated(evaluated) => sentences.extend(safety::tell(evaluated.verdict, scene)),
            Body::ExecutionAttempted(attempted) => sentences.push(execution::tell_attempted(attempted)),
            Body::ExecutionOutcomeRecorded(recorded) => {
                sentences.push(execution::tell_outcome(recorded, scene));
            }
            Body::LedgerUpdated(updated) => sentences.extend(execution::tell_update(updated, scene, state)),
            // Feedback belongs to no tick.
            Body::UserFeedbackRecorded(_) => {}
        }
        sentences
    }

    /// The sentence on the first event that the tick's rules do not demand.
    fn find_stray(&mut self, event: &Event<'_>) -> Option<String> {
        let Comparison::Diverged(demanded) = self.again.compare(event) else { return None };
        let instead = match demanded {
            None => "the tick should be over".into(),
            Some(demanded) if demanded.body.event_type() == event.body.event_type() => {
                format!("the rules demand other values in {}", event.body.event_type())
            }
            Some(demanded) => {
                format!(
                    "the rules demand {} in place of {}",
                    demanded.body.event_type(),
                    event.body.event_type()
                )
            }
        };
        Some(format!(
            "From here on, the log does not follow the tick's rules: {instead}. The reasons below are those of the log, and may not hold."
        ))
    }

    /// The sentence at a log's end within the tick.
    fn tell_interruption(&self) -> String {
        let future = match self.again.missing() {
            Some(missing) => {
                let missing: Vec<String> =
                    missing.iter().map(|event| event.body.event_type().to_string()).collect();
                format!(
                    "the next writer computes the missing events ({}) from the decision, and records them before anything else",
                    listed(&missing)
                )
            }
            None => "its recorded events are not the first ones of the tick that follows from the decision, so the next writer refuses the log as malformed".into(),
        };
        format!(
            "The tick is not complete, since the log ends here, in a write that is in progress or was interrupted: {future}."
        )
    }
}
