//! The notice as HTML: one column, no remote content, readable without images and without colour.

use maud::{DOCTYPE, Markup, html};
use vitals::Severity;

use crate::notice::{Notice, Part};
use crate::trend::Trend;

/// The chart's content id.
pub(crate) const CHART_ID: &str = "chart";

const BODY: &str = "margin:0;padding:16px;background:#ffffff;color:#1a2430;font:16px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const COLUMN: &str = "max-width:640px;margin:0 auto";
const TITLE: &str = "font-size:13px;letter-spacing:.06em;text-transform:uppercase;color:#50606e;margin:18px 0 2px";
const CELL: &str = "padding:4px 10px 4px 0;text-align:right;border-bottom:1px solid #dfe5ea";
const FIRST_CELL: &str =
    "padding:4px 10px 4px 0;text-align:left;font-weight:normal;white-space:nowrap;border-bottom:1px solid #dfe5ea";

pub(crate) fn render(notice: &Notice) -> String {
    let bar = match notice.severity {
        Severity::Critical => "#a4001d",
        Severity::Urgent => "#b34700",
        Severity::Advisory => "#1f5fa8",
        Severity::Technical => "#50606e",
    };
    let head = format!(
        "font-size:20px;line-height:1.3;margin:0;padding:10px 14px;border-left:6px solid {bar};background:#f4f6f8"
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (notice.headline) }
            }
            body style=(BODY) {
                div style=(COLUMN) {
                    h1 style=(head) { (notice.headline) }
                    @for part in &notice.first { (section(part, None)) }
                    @if let Some(trend) = &notice.trend { (figure(trend)) }
                    @for part in &notice.rest { (section(part, notice.link.as_deref().filter(|_| part.title == "Do"))) }
                    p style="margin:22px 0 0;font-size:14px;color:#50606e" { (notice.footer) }
                }
            }
        }
    }
    .into_string()
}

fn section(part: &Part, link: Option<&str>) -> Markup {
    let small = part.title == "Verify";
    let lines =
        if small { "margin:0;font-size:13px;overflow-wrap:anywhere" } else { "margin:0;overflow-wrap:anywhere" };
    html! {
        h2 style=(TITLE) { (part.title) }
        @for (at, line) in part.lines.iter().enumerate() {
            @if part.title == "What" && at == 0 {
                p style="margin:0;font-size:22px;font-weight:600" { (line) }
            } @else {
                p style=(lines) { (line) }
            }
        }
        @if let Some(link) = link {
            p style="margin:6px 0 0" { a href=(link) style="color:#1f5fa8" { (link) } }
        }
    }
}

fn figure(trend: &Trend) -> Markup {
    html! {
        h2 style=(TITLE) { "Trend" }
        img src={ "cid:" (CHART_ID) } alt=(trend.alt) width="640" style="display:block;width:100%;max-width:640px;height:auto";
        table style="border-collapse:collapse;margin:8px 0 0;font-size:14px;font-variant-numeric:tabular-nums" {
            caption style="text-align:left;color:#50606e;padding:0 0 2px" { (trend.caption()) }
            thead {
                tr {
                    th scope="col" style=(FIRST_CELL) { "hours" }
                    @for name in ["lowest", "median", "highest"] { th scope="col" style=(CELL) { (name) } }
                }
            }
            tbody {
                @for row in &trend.rows {
                    tr {
                        th scope="row" style=(FIRST_CELL) { (row.hours) }
                        @match &row.values {
                            Some(values) => { @for value in values { td style=(CELL) { (value) } } }
                            None => { td colspan="3" style=(CELL) { "no readings" } }
                        }
                    }
                }
            }
        }
    }
}
