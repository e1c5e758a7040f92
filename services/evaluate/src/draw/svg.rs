//! Elements of an SVG file.

/// What every chart is drawn with. Colours differ in lightness too, and every mark has a shape or words of its own.
const STYLE: &str = "text{font-family:'DejaVu Sans',Verdana,Helvetica,Arial,sans-serif;font-size:13px;fill:#222}\
.title{font-size:18px;font-weight:bold}.small{font-size:12px;fill:#555}.grid{stroke:#ddd;stroke-width:1}\
.band{fill:#cfe3f2;stroke:none}.median{stroke:#6d9dc0;stroke-width:1.5;stroke-dasharray:5 4;fill:none}\
.value{stroke:#1d3d5c;stroke-width:1.8;fill:none;stroke-linejoin:round}.dot{fill:#1d3d5c}\
.hollow{fill:#fff;stroke:#1d3d5c;stroke-width:1.5}.learning{fill:#f0f0f0}.alert{fill:#b3261e}\
.alertline{stroke:#b3261e;stroke-width:1.5;stroke-dasharray:2 3}.alertspan{fill:#b3261e;fill-opacity:.18}\
.alerttext{fill:#8c1d18;font-weight:bold;font-size:12px}\
.alerttext,.onsettext,.small{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}.onset{stroke:#000;stroke-width:2.5}\
.onsettext{font-weight:bold}.usualtext{fill:#2f6690}\
.ahead{fill:#f7dcae;stroke:none}.middle{stroke:#9a5b00;stroke-width:1.8;stroke-dasharray:6 3;fill:none}.aheadtext{fill:#7a4700}\
.limit{stroke:#b3261e;stroke-width:1.5;stroke-dasharray:9 4}.crossing{fill:#b3261e;fill-opacity:.22;stroke:#b3261e;stroke-width:1}\
.now{stroke:#222;stroke-width:1.5}";

/// An SVG file under way.
pub(crate) struct Svg {
    body: String,
    /// Drawn last: nothing lies over words.
    texts: String,
    width: f64,
    height: f64,
    title: String,
    description: String,
}

impl Svg {
    /// `description` is what somebody hears who does not see it.
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        Self {
            body: String::new(),
            texts: String::new(),
            width,
            height,
            title: title.to_owned(),
            description: description.to_owned(),
        }
    }

    pub(crate) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.body +=
            &format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n");
    }

    pub(crate) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let (width, height) = (width.max(0.0), height.max(0.0));
        self.body += &format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>\n"
        );
    }

    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() > 1 {
            self.body += &format!("<polyline class=\"{class}\" points=\"{}\"/>\n", joined(points));
        }
    }

    pub(crate) fn area(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() > 2 {
            self.body += &format!("<polygon class=\"{class}\" points=\"{}\"/>\n", joined(points));
        }
    }

    pub(crate) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        self.body += &format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>\n");
    }

    /// A triangle that points up at a place.
    pub(crate) fn triangle(&mut self, (x, y): (f64, f64)) {
        self.area("alert", &[(x - 6.0, y + 11.0), (x + 6.0, y + 11.0), (x, y)]);
    }

    /// `anchor` is start, middle or end.
    pub(crate) fn text(&mut self, class: &str, anchor: &str, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.texts +=
            &format!("<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n");
    }

    pub(crate) fn finish(self) -> String {
        let Self { body, texts, width, height, title, description } = self;
        let (title, description) = (escaped(&title), escaped(&description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" aria-labelledby=\"title description\">\n<title id=\"title\">{title}</title>\n\
             <desc id=\"description\">{description}</desc>\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}{texts}</svg>\n"
        )
    }
}

/// About how wide a text is drawn at 12 pixels.
#[expect(clippy::cast_precision_loss, reason = "a number of letters")]
pub(crate) fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * 7.6
}

fn joined(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// Names come from files: nothing in them may be markup, and XML has no control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_a_file_is_text_and_never_markup() {
        let mut svg = Svg::new(10.0, 10.0, "<script>", "a & b");
        svg.text("x", "start", (1.0, 2.0), "\"</text><a>\u{1}");
        let text = svg.finish();
        assert!(text.contains("&lt;script&gt;") && text.contains("a &amp; b") && !text.contains("<script>"));
        assert!(text.contains("&quot;&lt;/text&gt;&lt;a&gt;\u{fffd}</text>"), "{text}");
    }
}
