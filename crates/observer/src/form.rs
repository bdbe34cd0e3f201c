//! Values of the format in answers and parameters: their texts, and their schemas, which the core declares.

use dreichor_core::event::EventType;
use dreichor_core::schema::Schema;
use dreichor_core::value::Spelled as _;
use dreichor_core::{Event, Snapshot as WholeSnapshot, id, state, value};
use dreichor_explain::funnel;
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
    DecisionClass(value::DecisionClass);
    ParameterPool(value::ParameterPool);
    Decimal(value::Decimal);
    Hash(dreichor_core::Hash);
    TypeOfEvent(EventType);
    Side(value::Side);
    SafetyResult(value::SafetyResult);
    ExecutionStatus(value::Status);
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

/// An audit event, byte for byte as on disk.
pub(crate) struct AuditEvent;

/// A snapshot of the Shadow Ledger, byte for byte as on disk.
pub(crate) struct Snapshot;

/// The position of a market in the Shadow Ledger.
pub(crate) struct Position;

/// The lifecycle of an instance.
pub(crate) struct Lifecycle;

/// The receipt of a replay.
pub(crate) struct Receipt;

/// The reason of a decision's outcome.
pub(crate) struct Reason;

/// The identifier of a kind of problem.
pub(crate) struct ProblemType;

named!(AuditEvent, Snapshot, Position, Lifecycle, Receipt, Reason, ProblemType);

/// The schemas of all these types, by name: each event has one of its own.
pub(crate) fn schemas() -> Map<String, Value> {
    let parse = |schema: String| serde_json::from_str(&schema).unwrap_or_default();
    let mut schemas: Map<String, Value> =
        forms().into_iter().map(|(name, schema)| (name.to_owned(), parse(schema))).collect();
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
    let reasons: Vec<&str> = funnel::reasons().collect();
    schemas.extend([
        ("AuditEvent".into(), json!({ "oneOf": union, "discriminator": discriminator })),
        ("Snapshot".into(), parse(WholeSnapshot::schema())),
        ("Position".into(), parse(state::Position::schema())),
        ("Lifecycle".into(), parse(state::Instance::schema())),
        ("Receipt".into(), parse(dreichor_replay::Receipt::schema())),
        ("Reason".into(), json!({ "enum": reasons })),
        ("ProblemType".into(), json!({ "enum": kinds })),
    ]);
    schemas
}

/// `DECISION_EVALUATED` as `DecisionEvaluated`.
fn pascal_case(spelling: &str) -> String {
    let words = spelling.split('_').filter_map(|word| word.split_at_checked(1));
    words.map(|(first, rest)| first.to_owned() + &rest.to_ascii_lowercase()).collect()
}
