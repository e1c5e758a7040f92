//! The notice as plain text: the first screen of a phone says what matters.

use crate::notice::{Notice, Part};
use crate::trend::Trend;

/// Lines are folded here: narrow enough for a phone, far below the 998 of RFC 5322.
const WIDTH: usize = 64;

pub(crate) fn render(notice: &Notice) -> String {
    let mut out = format!("{}\n", notice.headline);
    for part in &notice.first {
        write_part(&mut out, part, None);
    }
    if let Some(trend) = &notice.trend {
        write_trend(&mut out, trend);
    }
    for part in &notice.rest {
        write_part(&mut out, part, notice.link.as_deref().filter(|_| part.title == "Do"));
    }
    out.push('\n');
    fold(&mut out, "", notice.footer);
    out
}

fn write_part(out: &mut String, part: &Part, link: Option<&str>) {
    out.push_str(&format!("\n{}\n", part.title.to_uppercase()));
    for line in &part.lines {
        fold(out, "  ", line);
    }
    if let Some(link) = link {
        out.push_str(&format!("  {link}\n"));
    }
}

fn write_trend(out: &mut String, trend: &Trend) {
    out.push_str("\nTREND\n");
    fold(out, "  ", &trend.caption());
    out.push_str(&format!("  {:<14} {:>7} {:>7} {:>7}\n", "hours", "lowest", "median", "highest"));
    for row in &trend.rows {
        match &row.values {
            Some([low, middle, high]) => out.push_str(&format!("  {:<14} {low:>7} {middle:>7} {high:>7}\n", row.hours)),
            None => out.push_str(&format!("  {:<14} no readings\n", row.hours)),
        }
    }
}

/// Writes a line, broken between words; a word longer than the width stays whole.
fn fold(out: &mut String, indent: &str, line: &str) {
    let mut used = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > WIDTH {
            out.push('\n');
            used = 0;
        }
        let before = if used == 0 { indent } else { " " };
        out.push_str(before);
        out.push_str(word);
        used += before.len() + length;
    }
    out.push('\n');
}
