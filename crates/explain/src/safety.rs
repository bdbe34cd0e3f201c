//! SAFETY_EVALUATED: what safety looked at, what it said and by which rule, and whether the tick ends there.

use dreichor_core::event::Verdict;
use dreichor_core::value::Side;

use crate::scene::{Holder, Scene};

/// The sentences of safety's verdict.
pub(crate) fn tell(verdict: Verdict, scene: &Scene) -> Vec<String> {
    let mut sentences = vec![looked_at(scene), said(verdict, scene)];
    sentences.extend(consequence(verdict, scene));
    sentences
}

fn looked_at(scene: &Scene) -> String {
    match &scene.holder {
        None => "No position was open in the Shadow Ledger.".into(),
        Some(Holder { id, position, .. }) => format!(
            "{} of {} was open in the Shadow Ledger, held by {}.",
            position.quantity,
            position.market_id,
            scene.name(*id)
        ),
    }
}

/// The verdict, and the rule by which it was reached: the first of five that held.
fn said(verdict: Verdict, scene: &Scene) -> String {
    let side = scene.intent.as_ref().map(|intent| intent.side);
    let (rule, why) = match verdict {
        Verdict::Allow if scene.decision.safety_gates.halt_all() && side == Some(Side::Sell) => {
            (1, "the gate haltAll was in force, and it lets a SELL pass")
        }
        Verdict::Halt => (1, "the gate haltAll was in force, and there was no SELL to let pass"),
        Verdict::ForceSell => (
            2,
            "the gate forceSell was in force and a position was open; it is sold even if another instance holds it",
        ),
        Verdict::BuyBlocked => (3, "the gate blockBuy was in force, and the order intent was a BUY"),
        Verdict::PositionAlreadyOpen => {
            (4, "the order intent was a BUY, and a position was open; all instances together may have one")
        }
        Verdict::Allow => (5, "none of the rules before it held"),
    };
    let reason = verdict.reason().map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("Safety said {}{reason} by rule {rule}: {why}.", verdict.result())
}

/// The consequence of the verdict for the intent, unless its execution simply follows.
fn consequence(verdict: Verdict, scene: &Scene) -> Option<String> {
    let unchanged = "the Shadow Ledger and all lifecycles stayed as they were";
    match verdict {
        Verdict::Allow if scene.intent.is_some() => None,
        Verdict::Allow => {
            Some(format!("With no order intent there was nothing to execute, and {unchanged}."))
        }
        Verdict::ForceSell => scene
            .asks_for_open_position()
            .then(|| "The strategy's own order intent was the same sale, so safety needed no other.".into()),
        Verdict::Halt | Verdict::BuyBlocked | Verdict::PositionAlreadyOpen => {
            Some(format!("Nothing was executed, and {unchanged}."))
        }
    }
}
