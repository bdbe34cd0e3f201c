//! The table, in Markdown.

use crate::job::thousands;
use crate::measure::{Figures, Medians, Row, Unit};

/// All figures as one table, after a head that says what they are of.
pub(crate) fn markdown(head: &str, jobs: &[Figures]) -> String {
    let mut out = format!(
        "{head}\n\
         | job | program | median | lowest to highest | of the first row | of dreichor | latency of half, of 99 in 100 \
         | peak memory | goal |\n|---|---|---|---|---|---|---|---|---|\n"
    );
    for job in jobs {
        let first = job.rows.first().and_then(|row| row.result.as_ref().ok());
        let ours = job.rows.iter().find(|row| row.goal.is_some()).and_then(|row| row.result.as_ref().ok());
        for (index, row) in job.rows.iter().enumerate() {
            let title = if index == 0 { job.title.as_str() } else { "" };
            out.push_str(&line(title, row, job.unit, first, ours));
        }
    }
    out
}

/// The nearest whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is neither negative nor that large"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

fn line(title: &str, row: &Row, unit: Unit, first: Option<&Medians>, ours: Option<&Medians>) -> String {
    let medians = match &row.result {
        Ok(medians) => medians,
        Err(reason) => return format!("| {title} | {} | left out: {reason} | | | | | | |\n", row.name),
    };
    let value = |value: f64| match unit {
        Unit::Seconds => format!("{value:.3}"),
        Unit::TicksPerSecond => thousands(whole(value)),
    };
    let name = match unit {
        Unit::Seconds => "s",
        Unit::TicksPerSecond => "ticks/s",
    };
    let ratio =
        |to: Option<&Medians>| to.map_or("–".to_owned(), |to| format!("{:.2}", medians.value / to.value));
    let latency = medians.latency.map_or("–".to_owned(), |[half, most]| {
        let ratio = first.and_then(|first| first.latency).map_or(f64::NAN, |[first, _]| half / first);
        format!("{half:.0}, {most:.0} µs ({ratio:.2})")
    });
    let peak = medians.peak.map_or("–".to_owned(), |peak| format!("{:.0} MiB", peak as f64 / 1_048_576.0));
    format!(
        "| {title} | {} | {} {name} | {} to {} | {} | {} | {latency} | {peak} | {} |\n",
        row.name,
        value(medians.value),
        value(medians.lowest),
        value(medians.highest),
        ratio(first),
        ratio(ours),
        row.goal.as_deref().unwrap_or(""),
    )
}
