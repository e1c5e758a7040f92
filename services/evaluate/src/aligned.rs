//! Columns of text.

/// A row.
pub(crate) fn cells<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

/// Columns of equal width, the first to the left, numbers to the right, everything else to the left.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let is_number = |column: usize| {
        let mut body = rows.iter().skip(1).filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
        column > 0 && body.all(|cell| cell.parse::<f64>().is_ok() || cell == "-")
    };
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for column in 0..columns {
            let cell = row.get(column).map_or("", String::as_str);
            let space = " ".repeat(width(column).saturating_sub(cell.chars().count()));
            let padded = if is_number(column) { format!("{space}{cell}") } else { format!("{cell}{space}") };
            line += &padded;
            line += "  ";
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_words_to_the_left() {
        let rows = [cells(["who", "n", "what"]), cells(["A", "7", "x"]), cells(["Bob", "12345", "y"])];
        assert_eq!(aligned(&rows), "who      n  what\nA        7  x\nBob  12345  y\n");
    }
}
