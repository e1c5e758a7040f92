use std::path::PathBuf;

use notify::{Content, Settings};
use phc::Alert;
use vitals::{Anomaly, Change, Route, Severity, Signal};

use crate::mime::Part;
use crate::world::{MINUTE_MS, NOW_MS, World, alert_of, chain, forest, limit};

/// The mails that these alerts of patient 1 lead to, by name.
async fn mails_of(
    settings: impl Fn(Settings) -> Settings,
    alerts: Vec<Alert>,
    expected: u64,
) -> Vec<(String, Vec<u8>)> {
    let world = World::new();
    for alert in alerts {
        world.append(1, alert).await;
    }
    let mut running = world.start(&settings(world.settings()));
    running.until("for the mails", |progress| progress.sent == expected).await;
    running.stop().await;
    world.mails()
}

async fn one(settings: impl Fn(Settings) -> Settings, anomaly: &Anomaly) -> Vec<u8> {
    let mut mails = mails_of(settings, vec![alert_of(anomaly)], 1).await;
    assert_eq!(mails.len(), 1);
    mails.remove(0).1
}

/// What a reader sees of a page.
fn without_tags(html: &str) -> String {
    html.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

/// Keeps samples where a person can look at them: `target/tmp/mail-samples`.
fn keep(name: &str, bytes: &[u8]) {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mail-samples");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(name), bytes).unwrap();
}

#[tokio::test]
async fn a_full_mail_says_what_how_sure_why_and_what_to_do_in_text_and_html_with_a_chart() {
    let bytes = one(|settings| settings, &forest(1, Change::Opened)).await;
    keep("forest-opened.eml", &bytes);
    let mail = Part::read(&bytes);
    assert_eq!(mail.kind(), "multipart/alternative");
    let [text, related] = mail.parts.as_slice() else { panic!("{} parts", mail.parts.len()) };
    let [page, picture] = related.parts.as_slice() else { panic!("{} parts", related.parts.len()) };
    assert_eq!(
        (text.kind(), related.kind(), page.kind(), picture.kind()),
        ("text/plain".into(), "multipart/related".into(), "text/html".into(), "image/png".into())
    );
    keep("forest-opened.html", &page.body);
    keep("forest-opened.png", &picture.body);

    let (text, page) = (text.text(), page.text());
    keep("forest-opened.txt", text.as_bytes());
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "URGENT · Patient ref",
        "review within 60 min",
        "Heart rate 96.3 /min",
        "own usual at this hour 66 /min (range 59.8 to 72.2 /min)",
        "since 2026-03-01 13:15 +01:00, for 1 h 5 min",
        "condition held in 10 of the last 12 windows with data; 10 needed",
        "score 0.712 of 1, counts above 0.620",
        "readings in 22 of the last 24 hours",
        "missing: oxygen saturation (SpO2)",
        "▲ +0.121 heart rate, 6.2 SD above the own usual",
        "▲ +0.054 respiration, 3.1 SD above the own usual",
        "▼ -0.008 heart rate variability (SDNN), 1.5 SD below the own usual",
        "1 of 3 points from this sign alone; six inputs not looked at, so no total",
        "caduceus check --data-dir DIR",
        "on-call@clinic.example",
        "deputy@clinic.example",
        "block 17 entry 0",
        &format!("block hash {}", "cd".repeat(32)),
        &format!("model hash {}", "ab".repeat(32)),
        "E-mail is no life-critical channel",
    ] {
        assert!(one_line.contains(part), "{part:?} is missing in the text:\n{text}");
        assert!(page.replace("&gt;", ">").contains(part), "{part:?} is missing in the page");
    }
    assert!(!one_line.contains("body temperature"), "three contributions are enough");
    let first_screen: String = text.lines().take(12).collect();
    assert!(
        first_screen.contains("96.3 /min") && first_screen.contains("10 of the last 12"),
        "the first screen says what and how sure"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 76), "narrow enough for a phone");
}

#[tokio::test]
async fn the_picture_of_the_page_is_the_inline_part_and_has_words_for_who_cannot_see_it() {
    let bytes = one(|settings| settings, &limit(1, Change::Opened)).await;
    keep("limit-opened.eml", &bytes);
    let mail = Part::read(&bytes);
    let (page, picture) = (&mail.parts[1].parts[0], &mail.parts[1].parts[1]);
    keep("limit-opened.png", &picture.body);
    let id = picture.header("content-id").unwrap();
    let id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap();
    let html = page.text();
    assert!(html.contains(&format!("src=\"cid:{id}\"")), "the page refers to {id}");
    assert!(picture.header("content-disposition").unwrap().starts_with("inline"));
    let alt = html.split("alt=\"").nth(1).unwrap().split('"').next().unwrap();
    for word in ["heart rate", "lowest", "highest", "137.7 /min", "limit 130", "2026-03-01 14:14 +01:00"] {
        assert!(alt.contains(word), "{word} is missing in {alt:?}");
    }
    assert!(!html.contains("http://") && !html.contains("https://"), "nothing is fetched from elsewhere");
}

#[tokio::test]
async fn headers_are_those_of_an_automatic_mail_and_lines_are_short() {
    let bytes = one(|settings| settings, &forest(1, Change::Opened)).await;
    let mail = Part::read(&bytes);
    assert_eq!(mail.header("auto-submitted").as_deref(), Some("auto-generated"));
    assert_eq!(mail.header("date").as_deref(), Some("Sun, 01 Mar 2026 13:20:00 +0000"), "the injected clock's time");
    assert_eq!(mail.header("mime-version").as_deref(), Some("1.0"));
    assert!(mail.header("from").unwrap().contains("caduceus@caduceus.example"));
    let to = mail.header("to").unwrap();
    assert!(to.contains("on-call@clinic.example") && to.contains("deputy@clinic.example"));
    assert_eq!(mail.header("references"), None);
    assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() < 998));
    assert!(bytes.is_ascii(), "safe for servers without 8BITMIME");
}

#[tokio::test]
async fn the_subject_has_reference_response_time_and_episode_and_no_health_data() {
    for (anomaly, word) in [(forest(1, Change::Opened), "URGENT"), (limit(1, Change::Opened), "CRITICAL")] {
        let mail = Part::read(&one(|settings| settings, &anomaly).await);
        let subject = mail.header("subject").unwrap();
        let within = if word == "URGENT" { 60 } else { 30 };
        let reference = notify::PatientRef::of(&chain(1));
        assert_eq!(
            subject,
            format!("[{word}] Patient ref {} · review within {within} min · episode 4F2A", reference.short())
        );
    }
}

#[tokio::test]
async fn a_minimal_mail_names_neither_signal_nor_value_and_has_no_picture() {
    for change in [Change::Opened, Change::Resolved] {
        let alerts = [forest(1, Change::Opened), forest(1, change)].iter().map(alert_of).collect();
        let expected = if change == Change::Opened { 1 } else { 2 };
        let mails = mails_of(|settings| Settings { content: Content::Minimal, ..settings }, alerts, expected).await;
        let bytes = &mails.last().unwrap().1;
        keep(&format!("minimal-{}.eml", change.name()), bytes);
        let mail = Part::read(bytes);
        assert_eq!(mail.parts.iter().map(Part::kind).collect::<Vec<_>>(), ["text/plain", "text/html"]);
        let all = format!(
            "{} {} {}",
            mail.header("subject").unwrap(),
            mail.parts[0].text(),
            without_tags(&mail.parts[1].text())
        )
        .to_lowercase();
        assert!(!mail.parts[1].text().contains("<img"));
        for signal in Signal::all() {
            let name = signal.name().replace('_', " ");
            // "light", "training" and the like are no words of the mail either.
            assert!(!all.contains(&name), "{name} is in the mail:\n{all}");
        }
        for word in ["96.3", "96340", "/min", "66", "0.712", "heart", "score", "usual", "forest"] {
            // Hashes and references are no values.
            let plain: String = all.split_whitespace().filter(|word| word.len() < 32).collect::<Vec<_>>().join(" ");
            assert!(!plain.contains(word), "{word} is in the mail:\n{plain}");
        }
        assert!(all.contains("urgent") && all.contains("block 17"));
    }
}

#[tokio::test]
async fn the_end_of_an_episode_is_told_in_the_same_thread() {
    let mut resolved = forest(1, Change::Resolved);
    resolved.time_ms += 90 * MINUTE_MS;
    let alerts =
        vec![alert_of(&forest(1, Change::Opened)), alert_of(&forest(1, Change::Continued)), alert_of(&resolved)];
    let mails = mails_of(|settings| settings, alerts, 2).await;
    let names: Vec<_> = mails.iter().map(|(name, _)| name.as_str()).collect();
    let reference = notify::PatientRef::of(&chain(1));
    let stem = format!("20260301T132000.000Z-{}-4f2a010102030405", reference.short());
    assert_eq!(names, [format!("{stem}-1-opened.eml"), format!("{stem}-2-resolved.eml")]);
    keep("forest-resolved.eml", &mails[1].1);
    let (first, second) = (Part::read(&mails[0].1), Part::read(&mails[1].1));
    let id = first.header("message-id").unwrap();
    assert!(id.starts_with('<') && id.ends_with(".opened@caduceus.example>"), "{id}");
    assert_eq!(second.header("references").as_ref(), Some(&id));
    assert_eq!(second.header("in-reply-to").as_ref(), Some(&id));
    assert_ne!(second.header("message-id").unwrap(), id);
    assert_eq!(
        second.header("subject").unwrap(),
        format!("[RESOLVED] Patient ref {} · was urgent · episode 4F2A", reference.short())
    );
    let text = second.parts[0].text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("from 2026-03-01 13:15 +01:00 to 2026-03-01 15:50 +01:00, 2 h 35 min"), "{text}");
}

#[tokio::test]
async fn with_a_portal_the_mail_has_a_link_that_only_opens_a_page() {
    let bytes = one(
        |settings| Settings { base_url: Some("https://portal.example.org/".into()), ..settings },
        &forest(1, Change::Opened),
    )
    .await;
    let mail = Part::read(&bytes);
    let link = "https://portal.example.org/episodes/4f2a010102030405";
    assert!(mail.parts[0].text().contains(&format!("  {link}\n")));
    assert!(mail.parts[1].parts[0].text().contains(&format!("<a href=\"{link}\"")));
    assert!(mail.parts[0].text().contains("after signing in"));
}

#[tokio::test]
async fn without_readings_there_is_no_picture_and_the_mail_says_so() {
    let silence = Anomaly {
        route: Route::Silence,
        severity: Severity::Technical,
        value_milli: None,
        usual: None,
        score_micro: None,
        threshold_micro: None,
        contributions: Vec::new(),
        missing: Vec::new(),
        ..forest(1, Change::Opened)
    };
    let mails = mails_of(|settings| settings, vec![Alert { chart: Vec::new(), ..alert_of(&silence) }], 1).await;
    let mail = Part::read(&mails[0].1);
    assert_eq!(mail.parts.iter().map(Part::kind).collect::<Vec<_>>(), ["text/plain", "text/html"]);
    let text = mail.parts[0].text();
    assert!(
        text.contains("no readings in the last 24 hours")
            && text.contains("No reading of any device; last heard: heart rate."),
        "{text}"
    );
    assert!(text.starts_with("TECHNICAL") && text.contains("review within 24 h"));
}

#[tokio::test]
async fn a_drift_says_over_how_many_days_and_against_which_weeks() {
    let drift = Anomaly {
        route: Route::Drift,
        severity: Severity::Advisory,
        start_ms: NOW_MS - 3 * 1_440 * MINUTE_MS,
        value_milli: Some(68_400),
        usual: Some(vitals::Usual { median_milli: 61_000, spread_milli: 1_500 }),
        score_micro: Some(5_250_000),
        threshold_micro: Some(4_000_000),
        contributions: vec![vitals::Contribution {
            signal: Signal::HeartRate,
            deviation_milli: 3_330,
            share_micro: 5_250_000,
        }],
        missing: Vec::new(),
        persisted: vitals::Persisted { held: 3, of: 3, needed: 1 },
        ..forest(1, Change::Opened)
    };
    let text = Part::read(&one(|settings| settings, &drift).await).parts[0].text();
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "own usual of the last four weeks 61 /min",
        "resting heart rate of 3 nights or days added up",
        "sum of deviations 5.250 SD, alarm above 4.000",
        "▲ heart rate, 3.3 SD above the own usual",
    ] {
        assert!(one_line.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn an_early_warning_score_is_called_news2_only_where_it_is_whole() {
    let of = |points| Anomaly {
        route: Route::News2,
        signal: Signal::Respiration,
        value_milli: Some(22_000),
        usual: None,
        score_micro: None,
        threshold_micro: None,
        contributions: Vec::new(),
        missing: vec![Signal::Systolic],
        news2: Some(vitals::news2::News2 { points }),
        ..forest(1, Change::Opened)
    };
    let text_of = async |anomaly: &Anomaly| {
        let text = Part::read(&one(|settings| settings, anomaly).await).parts[0].text();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let partial = text_of(&of([Some(2), Some(3), Some(0), None, Some(0), Some(0), Some(0)])).await;
    for part in [
        "early warning (NEWS2 chart, RCP 2017): at least 5 (1 of 7 inputs missing)",
        "oxygen saturation (SpO2), 3 of 3 points respiration, 2 of 3 points",
        "missing: systolic blood pressure",
    ] {
        assert!(partial.contains(part), "{part} in {partial}");
    }
    assert!(!partial.contains("NEWS2 (RCP 2017):"));
    let whole = text_of(&of([Some(2), Some(3), Some(2), Some(0), Some(0), Some(0), Some(0)])).await;
    assert!(whole.contains("NEWS2 (RCP 2017): 7"), "{whole}");
}

#[tokio::test]
async fn the_wildest_numbers_make_a_mail_and_no_panic() {
    let wild = Anomaly {
        value_milli: Some(i64::MIN),
        usual: Some(vitals::Usual { median_milli: i64::MAX, spread_milli: i64::MAX }),
        limit: Some(vitals::Crossed { side: vitals::Side::Below, limit_milli: i64::MIN }),
        score_micro: Some(i64::MAX),
        threshold_micro: Some(i64::MIN),
        start_ms: i64::MIN,
        ..forest(1, Change::Opened)
    };
    for time_ms in [NOW_MS, i64::MIN, i64::MAX] {
        let wild = Anomaly { time_ms, ..wild.clone() };
        let chart = vec![(NOW_MS, i64::MAX), (NOW_MS - 1, i64::MIN), (i64::MIN, 0), (i64::MAX, 0)];
        let mails = mails_of(
            |settings| settings,
            vec![Alert { anomaly: ledger::encode(&wild), chart, ..alert_of(&forest(1, Change::Opened)) }],
            1,
        )
        .await;
        assert_eq!(Part::read(&mails[0].1).parts.len(), 2);
    }
}
