//! USER_FEEDBACK_RECORDED: what people said, in their own words.

use dreichor_core::event::{FeedbackTarget, UserFeedbackRecorded};
use dreichor_core::fault::push_escaped;
use dreichor_core::id::DecisionId;
use dreichor_core::value::{FeedbackCategory, LogicalTime};

/// The sentence of feedback.
pub(crate) fn tell(time: LogicalTime, feedback: &UserFeedbackRecorded<'_>) -> String {
    let UserFeedbackRecorded { feedback_id, category, target, comment } = feedback;
    let target = match target {
        FeedbackTarget::Decision(_) => "the decision".into(),
        FeedbackTarget::Execution(_, execution) => format!("execution {execution} of the decision"),
        FeedbackTarget::TimeWindow { from, to } => {
            format!("all that happened from logical time {from} to {to}, both included,")
        }
    };
    let words = match comment {
        Some(comment) => format!("with the words {}", quoted(comment.as_str())),
        None => "without a comment".into(),
    };
    format!(
        "At logical time {time}, feedback {feedback_id} was given on {target} in the category {category} ({}), {words}.",
        question(*category)
    )
}

/// The sentence of feedback that there is no room for.
pub(crate) fn tell_left_out(count: u64, decision: DecisionId) -> String {
    let more = if count == 1 {
        "1 more piece of feedback is"
    } else {
        &format!("{count} more pieces of feedback are")
    };
    format!(
        "From here on, {more} left out, to limit the size of this story; `dreichor events --decision {decision} --type USER_FEEDBACK_RECORDED` prints all of it."
    )
}

/// The question that feedback of a category answers.
fn question(category: FeedbackCategory) -> &'static str {
    match category {
        FeedbackCategory::DecisionQuality => "was the decision good?",
        FeedbackCategory::RiskComfort => "was the risk comfortable?",
        FeedbackCategory::SystemBehavior => "did the system behave?",
    }
}

/// The words of others, so that they can neither steer a terminal nor seem to end before they do.
fn quoted(words: &str) -> String {
    let mut quoted = String::from("\"");
    for character in words.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        push_escaped(&mut quoted, character);
    }
    quoted.push('"');
    quoted
}
