//! Lines, areas and text on a picture. Positions are pixels from the top left.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Rect, Stroke, StrokeDash, Transform,
};

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// Where a text stands relative to its position.
#[derive(Clone, Copy)]
pub(crate) enum Align {
    Left,
    Middle,
    Right,
}

/// Height of a line of text.
pub(crate) const TEXT_HEIGHT: f32 = 24.0;

pub(crate) struct Canvas(Pixmap);

impl Canvas {
    /// A white picture; `None` where it has no area.
    pub(crate) fn new(width: u32, height: u32) -> Option<Self> {
        let mut pixmap = Pixmap::new(width, height)?;
        pixmap.fill(tiny_skia::Color::WHITE);
        Some(Self(pixmap))
    }

    pub(crate) fn area(&mut self, left: f32, top: f32, right: f32, bottom: f32, colour: Colour) {
        if let Some(rect) = Rect::from_ltrb(left, top, right, bottom) {
            self.0.fill_rect(rect, &paint(colour), Transform::identity(), None);
        }
    }

    /// A line through all points; `dash` is the length of dashes and gaps, 0 for none.
    pub(crate) fn line(&mut self, points: &[(f32, f32)], width: f32, dash: f32, colour: Colour) {
        let mut path = PathBuilder::new();
        for (at, (x, y)) in points.iter().enumerate() {
            if at == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        let dash = if dash > 0.0 { StrokeDash::new(vec![dash, dash], 0.0) } else { None };
        let stroke = Stroke { width, dash, line_cap: LineCap::Butt, line_join: LineJoin::Round, ..Stroke::default() };
        if let Some(path) = path.finish() {
            self.0.stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
        }
    }

    pub(crate) fn dot(&mut self, x: f32, y: f32, radius: f32, colour: Colour) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.0.fill_path(&path, &paint(colour), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// How wide a text is.
    #[expect(clippy::cast_precision_loss, reason = "a line of a chart has few letters")]
    pub(crate) fn width_of(text: &str, bold: bool) -> f32 {
        (text.chars().count() * get_raster_width(weight(bold), RasterHeight::Size24)) as f32
    }

    /// Text with its top at `y`. Letters that the font lacks become question marks.
    pub(crate) fn text(&mut self, text: &str, x: f32, y: f32, align: Align, bold: bool, colour: Colour) {
        let width = Self::width_of(text, bold);
        let left = match align {
            Align::Left => x,
            Align::Middle => x - width / 2.0,
            Align::Right => x - width,
        };
        #[expect(clippy::cast_possible_truncation, reason = "pixels of a small picture")]
        let (mut left, top) = (left.round() as i32, y.round() as i32);
        for letter in text.chars() {
            let glyph = get_raster(letter, weight(bold), RasterHeight::Size24)
                .or_else(|| get_raster('?', weight(bold), RasterHeight::Size24));
            let Some(glyph) = glyph else { continue };
            for (row, down) in glyph.rows().zip(0..) {
                for (strength, across) in row.iter().zip(0..) {
                    self.blend(left + across, top + down, *strength, colour);
                }
            }
            left += i32::try_from(glyph.width()).unwrap_or(0);
        }
    }

    /// A text on a white ground, so that lines behind it do not cross it.
    pub(crate) fn tag(&mut self, text: &str, x: f32, y: f32, align: Align, bold: bool, colour: Colour) {
        let width = Self::width_of(text, bold);
        let left = match align {
            Align::Left => x,
            Align::Middle => x - width / 2.0,
            Align::Right => x - width,
        };
        self.area(left - 4.0, y, left + width + 4.0, y + TEXT_HEIGHT, Colour(255, 255, 255));
        self.text(text, x, y, align, bold, colour);
    }

    fn blend(&mut self, x: i32, y: i32, strength: u8, colour: Colour) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        let (width, height) = (self.0.width() as usize, self.0.height() as usize);
        if strength == 0 || x >= width || y >= height {
            return;
        }
        let Some(pixel) = self.0.pixels_mut().get_mut(y * width + x) else { return };
        let mix = |over: u8, under: u8| {
            let sum = u32::from(over) * u32::from(strength) + u32::from(under) * (255 - u32::from(strength));
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        let mixed = PremultipliedColorU8::from_rgba(
            mix(colour.0, pixel.red()),
            mix(colour.1, pixel.green()),
            mix(colour.2, pixel.blue()),
            255,
        );
        if let Some(mixed) = mixed {
            *pixel = mixed;
        }
    }

    /// As a PNG file.
    pub(crate) fn png(&self) -> Option<Vec<u8>> {
        self.0.encode_png().ok()
    }
}

fn weight(bold: bool) -> FontWeight {
    if bold { FontWeight::Bold } else { FontWeight::Regular }
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(colour.0, colour.1, colour.2, 255);
    paint
}
