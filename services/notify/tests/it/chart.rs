use vitals::Change;

use crate::mime::Part;
use crate::world::{World, forest, limit};

struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 4]>,
}

async fn picture_of(anomaly: &vitals::Anomaly) -> Picture {
    let world = World::new();
    world.alert(1, anomaly).await;
    let mut running = world.start(&world.settings());
    running.until("for a mail", |progress| progress.sent == 1).await;
    running.stop().await;
    let mail = Part::read(&world.mails()[0].1);
    let mut reader = png::Decoder::new(std::io::Cursor::new(mail.parts[1].parts[1].body.clone())).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgba, png::BitDepth::Eight));
    let (width, height) = (info.width as usize, info.height as usize);
    let pixels = bytes[..info.buffer_size()].as_chunks::<4>().0.to_vec();
    Picture { width, height, pixels }
}

impl Picture {
    fn count(&self, colour: [u8; 3]) -> usize {
        self.pixels.iter().filter(|pixel| pixel[..3] == colour).count()
    }

    /// Columns in which a colour stands.
    fn columns(&self, colour: [u8; 3]) -> usize {
        (0..self.width).filter(|x| (0..self.height).any(|y| self.pixels[y * self.width + x][..3] == colour)).count()
    }
}

const SIGNAL: [u8; 3] = [16, 62, 118];
const BAND: [u8; 3] = [214, 231, 246];
const LIMIT: [u8; 3] = [178, 34, 34];

#[tokio::test]
async fn the_chart_shows_signal_usual_range_limit_start_and_labels() {
    let chart = picture_of(&limit(1, Change::Opened)).await;
    assert_eq!((chart.width, chart.height), (800, 520));
    assert!(chart.pixels.iter().all(|pixel| pixel[3] == 255), "nothing shows through");
    let white = chart.count([255, 255, 255]);
    assert!(
        white > chart.pixels.len() / 2 && white < chart.pixels.len() * 98 / 100,
        "neither blank nor filled: {white}"
    );
    let signal = chart.columns(SIGNAL);
    assert!(signal > 350, "the signal spans the day: {signal} columns");
    assert!(chart.columns(BAND) > 550, "the usual range spans the day");
    assert!(chart.columns(LIMIT) > 300, "the dashed limit spans the day");
    // Labels left of the axis and below it are ink on white.
    let dark = |left: usize, top: usize, right: usize, bottom: usize| {
        (top..bottom)
            .flat_map(|y| (left..right).map(move |x| (x, y)))
            .filter(|(x, y)| chart.pixels[y * chart.width + x][0] < 140)
            .count()
    };
    assert!(dark(0, 84, 90, 430) > 300, "values at the axis");
    assert!(dark(96, 438, 800, 466) > 300, "hours at the axis");
    assert!(dark(96, 474, 800, 504) > 300, "zone and date below");
    assert!(dark(16, 10, 400, 40) > 300, "signal and unit above");
}

#[tokio::test]
async fn a_gap_in_the_readings_is_a_gap_in_the_line() {
    let chart = picture_of(&forest(1, Change::Opened)).await;
    // Two hours are a twelfth of the 610 pixels of the axis: columns of the plot without the signal.
    let bare = (100..700).filter(|x| (120..430).all(|y| chart.pixels[y * chart.width + x][..3] != SIGNAL)).count();
    assert!((40..80).contains(&bare), "{bare} columns without signal");
    assert_eq!(chart.count(LIMIT), 0, "no limit was crossed, none is drawn");
}
