//! Names, values and codes that were planted are nowhere in a data directory in a form that can be read, but in mails and in what was handed out.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use phc::ReadingBatch;
use stream::Topics;
use stream::embedded::inspect::{Item, inspect};

use crate::custody;
use crate::support::{START_S, check, counts, digests, file, files, replay, temporary};

/// Bytes to look for, each with what it is.
#[derive(Default)]
pub(crate) struct Canaries {
    by_start: HashMap<[u8; 4], Vec<(String, Vec<u8>)>>,
}

/// One column of an integer list in every fixed width and order of bytes, and as the differences that columns are packed as.
const NEIGHBOURS: usize = 4;

impl Canaries {
    fn add(&mut self, what: String, bytes: Vec<u8>) {
        let start = bytes.first_chunk().copied().unwrap_or_else(|| panic!("{what}: too short to be told from chance"));
        self.by_start.entry(start).or_default().push((what, bytes));
    }

    /// A text: UTF-8, UTF-16, hexadecimal, base64 at each alignment.
    pub(crate) fn text(&mut self, text: &str) {
        let wide: Vec<u16> = text.encode_utf16().collect();
        self.add(format!("`{text}` in UTF-8"), text.into());
        self.add(
            format!("`{text}` in UTF-16, little-endian"),
            wide.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        );
        self.add(format!("`{text}` in UTF-16, big-endian"), wide.iter().flat_map(|unit| unit.to_be_bytes()).collect());
        self.add(format!("`{text}` in hexadecimal"), hex::encode(text).into());
        self.add(format!("`{text}` in hexadecimal"), hex::encode_upper(text).into());
        for shift in 0..3 {
            self.add(format!("`{text}` in base64"), base64(text.as_bytes(), shift).into());
        }
    }

    /// Values in thousandths that follow on each other, round and round.
    fn values(&mut self, signal: u16, values: &[i64]) {
        for (at, value) in values.iter().enumerate() {
            let thousandths = format!("{}.{:03}", value / 1_000, value % 1_000);
            self.text(&thousandths);
            self.text(&format!("{value}"));
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let (unit, milli) = (*value as f64 / 1_000.0, *value as f64);
            for float in [unit, milli] {
                self.add(format!("{float} as f64"), float.to_le_bytes().into());
                self.add(format!("{float} as f64"), float.to_be_bytes().into());
            }
            self.add(format!("a reading of {value}"), [signal.to_le_bytes().as_slice(), &value.to_le_bytes()].concat());

            let run: Vec<i64> = (0..=NEIGHBOURS).map(|next| values[(at + next) % values.len()]).collect();
            let each = |bytes: fn(&i64) -> Vec<u8>| -> Vec<u8> { run.iter().flat_map(bytes).collect() };
            self.add(format!("{run:?} as i64, little-endian"), each(|value| value.to_le_bytes().into()));
            self.add(format!("{run:?} as i64, big-endian"), each(|value| value.to_be_bytes().into()));
            self.add(
                format!("{run:?} as i32, little-endian"),
                each(|value| i32::try_from(*value).unwrap().to_le_bytes().into()),
            );
            self.add(
                format!("{run:?} as i32, big-endian"),
                each(|value| i32::try_from(*value).unwrap().to_be_bytes().into()),
            );
            self.add(format!("{run:?} as zigzag varints"), each(|value| svarint(*value)));
            let first: Vec<i64> = run.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let all: Vec<i64> = (0..values.len()).map(|at| values[(at + 1) % values.len()] - values[at]).collect();
            let step = all.iter().fold(0, |step, difference| gcd(step, difference.abs()));
            for step in [1, step] {
                self.add(
                    format!("differences of {run:?} by {step}"),
                    first.iter().flat_map(|difference| svarint(difference / step)).collect(),
                );
            }
            let second: Vec<u8> = first.windows(2).flat_map(|pair| svarint(pair[1] - pair[0])).collect();
            self.add(format!("second differences of {run:?}"), second);
        }
    }

    /// What is found in these bytes.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (at, start) in bytes.windows(4).enumerate() {
            let Some(canaries) = self.by_start.get(start) else { continue };
            found.extend(
                canaries
                    .iter()
                    .filter(|(_, canary)| bytes[at..].starts_with(canary))
                    .map(|(what, _)| format!("{what} at byte {at}")),
            );
        }
        found
    }

    /// Fails where a file below a folder holds one, as it is or unpacked, outside these folders and files.
    #[track_caller]
    pub(crate) fn are_nowhere_in(&self, data: &Path, but: &[&str]) {
        let mut scanned = 0;
        for path in files(data) {
            let below = path.strip_prefix(data).expect("below the folder");
            if but.iter().any(|but| below.starts_with(but)) {
                continue;
            }
            let mut bytes = std::fs::read(&path).expect("a file");
            scanned += bytes.len();
            if bytes.starts_with(&[0x1f, 0x8b]) {
                let mut unpacked = Vec::new();
                // What only looks like gzip is scanned as it is.
                let _not_gzip = flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked);
                bytes.extend(unpacked);
            }
            assert!(
                !bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
                "{}: zstd: this test cannot look inside",
                path.display()
            );
            let found = self.find(&bytes);
            assert!(found.is_empty(), "{}: {found:?}", path.display());
            assert!(self.find(below.to_string_lossy().as_bytes()).is_empty(), "{} is a telling name", path.display());
        }
        assert!(scanned > 10_000, "{scanned} bytes were scanned: this is no data directory");
    }
}

/// The characters that hang on the text alone, where it begins `shift` bytes into a group of three.
fn base64(text: &[u8], shift: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = std::iter::repeat_n(0, shift)
        .chain(text.iter().copied())
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let first = (shift * 8).div_ceil(6);
    let sextets = bits.chunks_exact(6).skip(first);
    sextets.map(|bits| char::from(ALPHABET[bits.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit))])).collect()
}

fn svarint(value: i64) -> Vec<u8> {
    let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

fn gcd(one: i64, other: i64) -> i64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

/// The canaries' own notations are those of others.
#[test]
fn canaries_are_found_in_what_others_encode() {
    let mut canaries = Canaries::default();
    canaries.text("Quagmire");
    for (what, bytes) in [
        ("utf-8", b"..Quagmire..".to_vec()),
        ("hexadecimal", b"..517561676d697265..".to_vec()),
        ("base64 of xQuagmirey", b"eFF1YWdtaXJleQ==".to_vec()),
        ("base64 of xxQuagmirey", b"eHhRdWFnbWlyZXk=".to_vec()),
        ("base64 of xxxQuagmirey", b"eHh4UXVhZ21pcmV5".to_vec()),
        ("utf-16", b"Q\0u\0a\0g\0m\0i\0r\0e\0".to_vec()),
    ] {
        assert_eq!(canaries.find(&bytes).len(), 1, "{what}");
    }
    assert!(canaries.find(b"quagmire Quagmir e").is_empty());
    // LEB128 of the zigzag numbers 299, 300 (Protocol Buffers, encoding): 0xAB 0x02, 0xAC 0x02.
    assert_eq!(
        [svarint(-150), svarint(150), svarint(0), svarint(-1)],
        [vec![0xab, 2], vec![0xac, 2], vec![0], vec![1]]
    );
}

const NAME: &str = "Zebulon.Quagmire-7731";
/// In thousandths; each a number that nothing else is likely to be.
const VALUES: [i64; 8] = [61_237, 74_519, 58_861, 83_143, 66_907, 91_373, 55_711, 79_229];
const REFUSED: &str = "417.29183";
const ILL: i64 = 187_913;

#[test]
fn what_a_replay_takes_in_is_nowhere_in_the_clear_but_in_mails() {
    let dir = temporary();
    let data = dir.path().join("data");
    let mut content = String::from("time,hr\n");
    for (minute, value) in (0..3 * 1_440).zip(VALUES.iter().cycle()) {
        // An hour in which somebody has to be told.
        let value = if (3_000..3_060).contains(&minute) { &ILL } else { value };
        content += &format!("{},{}.{:03}\n", START_S + minute * 60, value / 1_000, value % 1_000);
    }
    content += &format!("{},{REFUSED}\n{},61.237\n", START_S + 3 * 86_400, START_S + 3 * 86_400 + 60);
    let ran = replay(&file(dir.path(), "recording.csv", content), NAME, &data).exits(0);
    assert_eq!(counts(&ran), (3 * 1_440 + 1, 0, 1));
    assert!(digests(&check(&data), NAME).anomalies >= 1);

    let mut canaries = Canaries::default();
    canaries.text(NAME);
    canaries.text(REFUSED);
    canaries.values(vitals::Signal::HeartRate.id(), &VALUES);
    canaries.text("187.913");
    canaries.text("187913");
    canaries.are_nowhere_in(&data, &["mail"]);
    for told in [&ran.stdout, &ran.stderr] {
        assert!(canaries.find(told.as_bytes()).is_empty(), "{told}");
    }

    // They would be found: they are in what the patient's key opens, and somebody was told.
    let (chain, keys) = custody::patient(&data, NAME);
    let topics = Topics::standard(custody::genesis(&data).partitions).unwrap();
    let mut opened = 0;
    inspect(&data.join("log"), &topics, &mut |_, item| {
        if let Item::Record(record) = item
            && record.topic.as_str() == phc::messages::READINGS
            && record.key.as_ref() == chain.id.0
        {
            let batch: ReadingBatch = phc::open_topic_value(
                keys.stream(&chain).unwrap(),
                &chain,
                phc::messages::READINGS,
                "batch of readings",
                &record.value,
            )
            .unwrap();
            opened += usize::from(!canaries.find(&ledger::encode(&batch)).is_empty());
        }
        Ok(())
    })
    .unwrap();
    assert!(opened >= 10, "{opened} batches hold canaries");
    assert!(custody::rejected(&data, NAME).iter().any(|rejected| !canaries.find(&rejected.line).is_empty()));
    assert!(!files(&data.join("mail")).is_empty());
}
