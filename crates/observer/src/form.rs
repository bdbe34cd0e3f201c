//! Values of the format in answers and parameters: their texts, and their schemas, which the core declares.

use dreichor_core::event::EventType;
use dreichor_core::schema::{Members, Schema, described, object};
use dreichor_core::value::Spelled as _;
use dreichor_core::{Event, Snapshot as WholeSnapshot, id, state, value};
use dreichor_explain::{decided, funnel};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::{PartialSchema, ToSchema};

use crate::problem::Kind;

/// Declares types that are named in the description, where their schemas are those of the core.
macro_rules! forms {
    ($( $(#[$doc:meta])* $name:ident($of:ty); )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub(crate) struct $name(pub(crate) $of);

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(&self.0)
                }
            }

            named!($name);
        )*

        fn forms() -> Vec<(&'static str, String)> {
            vec![$( (stringify!($name), <$of>::schema()) ),*]
        }
    };
}

/// The description refers to this type by its name; [`schemas`] has its schema.
macro_rules! named {
    ($($name:ident),*) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<utoipa::openapi::Schema> {
                RefOr::T(utoipa::openapi::Schema::default())
            }
        }

        impl ToSchema for $name {}
    )* };
}

forms! {
    Uuid(value::Uuid);
    StrategyInstanceId(value::StrategyInstanceId);
    DecisionId(id::DecisionId);
    MarketId(value::MarketId);
    ParameterPool(value::ParameterPool);
    Decimal(value::Decimal);
    Hash(dreichor_core::Hash);
    TypeOfEvent(EventType);
    Outcome(dreichor_explain::Outcome);
    By(dreichor_explain::By);
    LifecycleState(state::LifecycleState);
    /// A place among lines or entries, in decimal digits.
    Cursor(Place);
}

/// A position in a store, or a number of decisions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(pub(crate) u64);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// At most 18 digits: [`crate::query::POSITION_MAX`].
impl Schema for Place {
    fn schema() -> String {
        r#"{"type":"string","pattern":"^(0|[1-9][0-9]{0,17})$"}"#.into()
    }
}

impl Cursor {
    pub(crate) fn at(position: u64) -> Self {
        Self(Place(position))
    }
}

/// Declares names of what others write and describe: a part of an answer, or an answer without its last members.
macro_rules! written {
    ($( $(#[$doc:meta])* $name:ident = $schema:expr; )*) => {
        $( $(#[$doc])* pub(crate) struct $name; )*

        named!($($name),*);

        fn written() -> Vec<(&'static str, String)> {
            vec![$( (stringify!($name), $schema) ),*]
        }
    };
}

written! {
    /// A snapshot of the Shadow Ledger, byte for byte as on disk.
    Snapshot = WholeSnapshot::schema();
    /// The position of a market in the Shadow Ledger.
    Position = state::Position::schema();
    /// The lifecycle of an instance.
    Lifecycle = state::Instance::schema();
    /// The totals of Decision Memory.
    Totals = state::Totals::schema();
    /// The entry of one decision in Decision Memory.
    MemoryEntry = object(&state::Decision::members());
    /// The entry of one decision as an answer.
    RememberedDecision = derived(state::Decision::members());
    /// What became of a decision.
    DecisionRow = decided::Row::schema();
    /// One decision's story.
    Story = derived(dreichor_explain::Story::members(&place_of("AuditEvent")));
    /// The funnel: how many decisions became what, and why.
    Funnels = funnels();
    /// The receipt of a replay.
    Receipt = dreichor_replay::Receipt::schema();
    /// The reason of a decision's outcome.
    Reason = funnel::reason_schema();
}

/// An audit event, byte for byte as on disk.
pub(crate) struct AuditEvent;

/// The identifier of a kind of problem.
pub(crate) struct ProblemType;

named!(AuditEvent, ProblemType);

fn funnels() -> String {
    let left_out = "How many groups more there are, the last: an answer has at most 10,000.";
    let mut members = dreichor_explain::Summary::members();
    members.push(("groupsLeftOut", described(&<u64 as Schema>::schema(), left_out)));
    derived(members)
}

/// The schema of a derived answer with these members.
fn derived(mut members: Members) -> String {
    members.push(("asOf", place_of("AsOf")));
    object(&members)
}

/// Refers to the schema of this name.
fn place_of(name: &str) -> String {
    json!({ "$ref": format!("#/components/schemas/{name}") }).to_string()
}

/// The schemas of all these types, by name: each event has one of its own.
pub(crate) fn schemas() -> Map<String, Value> {
    let parse = |schema: String| serde_json::from_str(&schema).unwrap_or_default();
    let named = forms().into_iter().chain(written());
    let mut schemas: Map<String, Value> =
        named.map(|(name, schema)| (name.to_owned(), parse(schema))).collect();
    let (mut union, mut mapping) = (Vec::new(), Map::new());
    for event_type in EventType::ALL {
        let name = pascal_case(event_type.as_str());
        let place = format!("#/components/schemas/{name}");
        union.push(json!({ "$ref": place }));
        mapping.insert(event_type.to_string(), json!(place));
        schemas.insert(name, parse(Event::schema(*event_type)));
    }
    let discriminator = json!({ "propertyName": "type", "mapping": mapping });
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.urn()).collect();
    schemas.insert("AuditEvent".into(), json!({ "oneOf": union, "discriminator": discriminator }));
    schemas.insert("ProblemType".into(), json!({ "enum": kinds }));
    schemas
}

/// `DECISION_EVALUATED` as `DecisionEvaluated`.
fn pascal_case(spelling: &str) -> String {
    let words = spelling.split('_').filter_map(|word| word.split_at_checked(1));
    words.map(|(first, rest)| first.to_owned() + &rest.to_ascii_lowercase()).collect()
}
