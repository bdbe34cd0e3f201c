//! The shapes of events, snapshots and inputs, as tables: which members, in which order, of which form.

use crate::general::Json;

/// The order of members: fixed on disk, free in inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Fixed,
    Any,
}

type Check = fn(&Json, Order) -> bool;
type Table = &'static [(&'static str, Check)];

/// True if `json` is an event; its id is not checked.
pub fn is_event(json: &Json) -> bool {
    let Some(name) = json.get("type").and_then(Json::text) else { return false };
    EVENTS.iter().any(|(event, table)| {
        *event == name && {
            let head: [(&str, Check); 4] =
                [("id", is_uuid), ("type", is_any), ("version", is_version), ("logicalTime", is_integer)];
            has_members(json, head.iter().chain(*table), Order::Fixed)
        }
    }) && is_sound_pair(json)
}

/// True if `json` is a snapshot; its id is not checked.
pub fn is_snapshot(json: &Json) -> bool {
    has_members(json, SNAPSHOT, Order::Fixed)
}

/// True if `json` is an input.
pub fn is_input(json: &Json) -> bool {
    let table = match json.get("kind").and_then(Json::text) {
        Some("TICK") => TICK,
        Some("FEEDBACK") => FEEDBACK,
        Some(_) | None => return false,
    };
    has_members(json, table, Order::Any)
}

/// True if the object has exactly these members, each once.
fn has_members<'t>(json: &Json, table: impl IntoIterator<Item = &'t (&'t str, Check)>, order: Order) -> bool {
    let Some(members) = json.members() else { return false };
    let mut count = 0;
    let are_right = table.into_iter().enumerate().all(|(index, (name, check))| {
        count += 1;
        let value = match order {
            Order::Fixed => members.get(index).filter(|(found, _)| found == name).map(|(_, value)| value),
            Order::Any => json.get(name),
        };
        value.is_some_and(|value| check(value, order))
    });
    are_right && members.len() == count
}

const EVENTS: [(&str, Table); 8] = [
    (
        "DECISION_EVALUATED",
        &[
            ("decisionId", is_content_id),
            ("strategyInstanceId", is_uuid),
            ("decisionClass", is_decision_class),
            ("reasonCodes", are_reason_codes),
            ("attention", is_attention),
            ("parameterPoolId", is_pool),
            ("targetMarketId", is_market_or_null),
            ("safetyGates", are_gates),
        ],
    ),
    (
        "ORDER_INTENT_CREATED",
        &[
            ("decisionId", is_content_id),
            ("orderIntentId", is_content_id),
            ("origin", |json, _| is_one_of(json, "STRATEGY SAFETY")),
            ("side", is_side),
            ("marketId", is_market),
            ("allocation", is_decimal),
        ],
    ),
    (
        "ORDER_INTENT_SKIPPED",
        &[
            ("decisionId", is_content_id),
            ("reason", |json, _| {
                is_one_of(
                    json,
                    "ATTENTION_NEGATIVE HOLD_TIME_ACTIVE COOLDOWN_ACTIVE SAFETY_BLOCKED MISSING_TARGET_MARKET",
                )
            }),
        ],
    ),
    ("SAFETY_EVALUATED", &[("decisionId", is_content_id), ("result", is_any), ("reason", is_any)]),
    (
        "EXECUTION_ATTEMPTED",
        &[
            ("decisionId", is_content_id),
            ("orderIntentId", is_content_id),
            ("executionId", is_content_id),
            ("plane", is_plane),
        ],
    ),
    (
        "EXECUTION_OUTCOME_RECORDED",
        &[
            ("decisionId", is_content_id),
            ("orderIntentId", is_content_id),
            ("executionId", is_content_id),
            ("plane", is_plane),
            ("status", is_any),
            ("side", is_side),
            ("marketId", is_market),
            ("filledQuantity", is_decimal),
            ("reason", is_any),
        ],
    ),
    (
        "LEDGER_UPDATED",
        &[
            ("decisionId", is_content_id),
            ("executionId", is_content_id),
            ("plane", is_plane),
            ("marketId", is_market),
        ],
    ),
    (
        "USER_FEEDBACK_RECORDED",
        &[
            ("feedbackId", is_content_id),
            ("category", is_category),
            ("target", is_target),
            ("comment", is_comment),
        ],
    ),
];

const SNAPSHOT: Table = &[
    ("snapshotId", is_uuid),
    ("type", |json, _| is_one_of(json, "SHADOW_LEDGER_SNAPSHOT")),
    ("version", is_version),
    ("logicalTime", is_integer),
    ("plane", is_plane),
    ("auditTreeSize", |json, order| is_integer(json, order) && *json != Json::Integer(0)),
    ("auditRootHash", |json, _| json.text().is_some_and(|text| text.len() == 64 && is_hexadecimal(text))),
    ("positions", are_positions),
];

const POSITION: Table = &[
    ("marketId", is_market),
    ("quantity", is_decimal),
    ("isOpen", is_boolean),
    ("lastExecutionId", is_content_id),
];

const TICK: Table = &[
    ("version", is_version),
    ("kind", is_any),
    ("logicalTime", is_integer),
    ("strategyInstanceId", is_uuid),
    ("decisionClass", is_decision_class),
    ("reasonCodes", are_reason_codes),
    ("attention", is_attention),
    ("parameterPoolId", is_pool),
    ("targetMarketId", is_market_or_null),
    ("safetyGates", are_gates),
];

const FEEDBACK: Table = &[
    ("version", is_version),
    ("kind", is_any),
    ("logicalTime", is_integer),
    ("category", is_category),
    ("target", is_target),
    ("comment", is_comment),
];

/// Safety's result with its reason, or an execution's status with its reason and quantity.
fn is_sound_pair(json: &Json) -> bool {
    let of = |name: &str| json.get(name).and_then(Json::text);
    let reason = json.get("reason");
    let has = |text: &str| reason.and_then(Json::text) == Some(text);
    let is_null = reason == Some(&Json::Null);
    match of("type") {
        Some("SAFETY_EVALUATED") => match of("result") {
            Some("ALLOW") => is_null,
            Some("BLOCK_BUY") => has("BUY_BLOCKED") || has("POSITION_ALREADY_OPEN"),
            Some("FORCE_SELL") => has("FORCE_SELL_ACTIVE"),
            Some("HALT") => has("HALT_ALL_ACTIVE"),
            Some(_) | None => false,
        },
        Some("EXECUTION_OUTCOME_RECORDED") => match of("status") {
            Some("FILLED" | "PARTIALLY_FILLED") => is_null,
            Some("FAILED") => {
                of("filledQuantity") == Some("0")
                    && (has("EXECUTION_NOT_AVAILABLE") || has("EXECUTION_REJECTED"))
            }
            Some(_) | None => false,
        },
        Some(_) | None => true,
    }
}

/// For members that another check covers.
fn is_any(_: &Json, _: Order) -> bool {
    true
}

fn is_version(json: &Json, _: Order) -> bool {
    *json == Json::Integer(1)
}

fn is_integer(json: &Json, _: Order) -> bool {
    matches!(json, Json::Integer(value) if *value < 1 << 53)
}

fn is_boolean(json: &Json, _: Order) -> bool {
    matches!(json, Json::Boolean(_))
}

fn is_one_of(json: &Json, words: &str) -> bool {
    json.text().is_some_and(|text| words.split(' ').any(|word| word == text))
}

fn is_hexadecimal(text: &str) -> bool {
    text.chars().all(|digit| "0123456789abcdef".contains(digit))
}

fn is_uuid(json: &Json, _: Order) -> bool {
    json.text().is_some_and(|text| {
        let groups: Vec<&str> = text.split('-').collect();
        groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
            && groups.iter().all(|group| is_hexadecimal(group))
    })
}

/// A UUID of version 8 and the variant of RFC 9562.
fn is_content_id(json: &Json, order: Order) -> bool {
    is_uuid(json, order)
        && json.text().is_some_and(|text| {
            let at = |index| text.chars().nth(index);
            at(14) == Some('8') && matches!(at(19), Some('8' | '9' | 'a' | 'b'))
        })
}

fn is_decision_class(json: &Json, _: Order) -> bool {
    json.text().is_some_and(|text| {
        let Some((name, version)) = text.split_once("@v") else { return false };
        let parts: Vec<&str> = name.split('.').collect();
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        text.len() <= 128
            && parts.len() == 3
            && parts.iter().all(|part| !part.is_empty() && part.chars().all(is_letter))
            && is_whole_number(version)
            && version != "0"
    })
}

fn is_whole_number(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|digit| digit.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

fn is_market(json: &Json, _: Order) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._:/-".contains(letter);
    json.text().is_some_and(|text| (1..=64).contains(&text.len()) && text.chars().all(is_letter))
}

fn is_market_or_null(json: &Json, order: Order) -> bool {
    *json == Json::Null || is_market(json, order)
}

fn is_decimal(json: &Json, _: Order) -> bool {
    json.text().is_some_and(|text| {
        let amount = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
        text.len() <= 64
            && is_whole_number(whole)
            && !fraction.is_empty()
            && fraction.chars().all(|digit| digit.is_ascii_digit())
    })
}

fn are_reason_codes(json: &Json, _: Order) -> bool {
    let Json::Array(codes) = json else { return false };
    codes.iter().enumerate().all(|(index, code)| {
        is_one_of(
            code,
            "UNKNOWN ATTENTION_SUPERIOR ATTENTION_INSUFFICIENT STABILITY_INSUFFICIENT HOLD_TIME_ACTIVE \
             COOLDOWN_ACTIVE SAFETY_TRIGGERED PREFLIGHT_BLOCKED",
        ) && !codes[..index].contains(code)
    })
}

fn is_attention(json: &Json, order: Order) -> bool {
    let table: Table = &[
        ("attentionMeaningfullyHigher", is_boolean),
        ("stabilityMeetsMinimum", is_boolean),
        ("confidenceSufficient", is_boolean),
        ("differencePersistsOverTime", is_boolean),
        ("switchingCostsJustified", is_boolean),
    ];
    has_members(json, table, order)
}

fn are_gates(json: &Json, order: Order) -> bool {
    let table: Table = &[("haltAll", is_boolean), ("blockBuy", is_boolean), ("forceSell", is_boolean)];
    has_members(json, table, order)
}

fn is_pool(json: &Json, _: Order) -> bool {
    is_one_of(json, "cautious@v1 balanced@v1 assertive@v1")
}

fn is_side(json: &Json, _: Order) -> bool {
    is_one_of(json, "BUY SELL")
}

fn is_plane(json: &Json, _: Order) -> bool {
    is_one_of(json, "PAPER")
}

fn is_category(json: &Json, _: Order) -> bool {
    is_one_of(json, "DECISION_QUALITY RISK_COMFORT SYSTEM_BEHAVIOR")
}

fn is_target(json: &Json, order: Order) -> bool {
    let table: Table = match json.get("type").and_then(Json::text) {
        Some("DECISION") => &[("type", is_any), ("decisionId", is_content_id)],
        Some("EXECUTION") => {
            &[("type", is_any), ("decisionId", is_content_id), ("executionId", is_content_id)]
        }
        Some("TIME_WINDOW") => &[("type", is_any), ("from", is_integer), ("to", is_integer)],
        Some(_) | None => return false,
    };
    has_members(json, table, order)
}

fn is_comment(json: &Json, _: Order) -> bool {
    *json == Json::Null || json.text().is_some_and(|text| text.len() <= 4_096)
}

fn are_positions(json: &Json, order: Order) -> bool {
    json.members().is_some_and(|positions| {
        positions.windows(2).all(|pair| pair[0].0.as_bytes() < pair[1].0.as_bytes())
            && positions.iter().all(|(market, position)| {
                has_members(position, POSITION, order)
                    && position.get("marketId") == Some(&Json::Text(market.clone()))
            })
    })
}
