//! A small reader of mails, independent of the library that writes them (RFC 5322, 2045, 2046, 2047).

use base64::Engine;

#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) parts: Vec<Part>,
}

impl Part {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let at = find(bytes, b"\r\n\r\n").expect("a blank line after the headers");
        let head = std::str::from_utf8(&bytes[..at]).expect("headers are ASCII");
        assert!(head.is_ascii(), "headers are ASCII: {head}");
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let headers: Vec<(String, String)> = head
            .split("\r\n")
            .map(|line| line.split_once(':').expect("name and value"))
            .map(|(name, value)| (name.to_lowercase(), words(value.trim())))
            .collect();
        let mut part = Self { headers, body: Vec::new(), parts: Vec::new() };
        let body = &bytes[at + 4..];
        if part.kind().starts_with("multipart/") {
            let boundary = part.parameter("content-type", "boundary").expect("a boundary");
            part.parts = split(body, &boundary).into_iter().map(Self::read).collect();
        } else {
            part.body = match part.header("content-transfer-encoding").as_deref() {
                Some("base64") => {
                    let text: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
                }
                Some("quoted-printable") => quoted(body, false),
                Some("7bit") | None => body.to_vec(),
                other => panic!("transfer encoding {other:?}"),
            };
        }
        part
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let mut all = self.headers.iter().filter(|(other, _)| other == name);
        let first = all.next().map(|(_, value)| value.clone());
        assert!(all.next().is_none(), "{name} stands twice");
        first
    }

    pub(crate) fn kind(&self) -> String {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim().to_lowercase()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8").replace("\r\n", "\n")
    }

    fn parameter(&self, header: &str, name: &str) -> Option<String> {
        let value = self.header(header)?;
        let at = value.find(&format!("{name}="))? + name.len() + 1;
        let rest = &value[at..];
        Some(rest.strip_prefix('"').map_or_else(
            || rest.split(';').next().unwrap().to_owned(),
            |rest| rest.split('"').next().unwrap().to_owned(),
        ))
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn split<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mark = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut rest = &body[find(body, mark.as_bytes()).expect("the first boundary") + mark.len()..];
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n").expect("a line end after the boundary");
        let end = find(rest, format!("\r\n{mark}").as_bytes()).expect("a closing boundary");
        parts.push(&rest[..end]);
        rest = &rest[end + 2 + mark.len()..];
    }
    parts
}

fn quoted(bytes: &[u8], underscore_is_space: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'=' if rest.starts_with(b"\r\n") => rest = &rest[2..],
            b'=' => {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                out.push(u8::from_str_radix(digits, 16).expect("two hex digits"));
                rest = &rest[2..];
            }
            b'_' if underscore_is_space => out.push(b' '),
            other => out.push(*other),
        }
    }
    out
}

/// Decodes encoded words (RFC 2047); white space between two of them is dropped.
fn words(value: &str) -> String {
    let mut out = String::new();
    let mut was_encoded = false;
    for (at, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
        let encoded = word.strip_prefix("=?utf-8?").and_then(|word| word.strip_suffix("?="));
        if at > 0 && !(was_encoded && encoded.is_some()) {
            out.push(' ');
        }
        was_encoded = encoded.is_some();
        match encoded.and_then(|word| word.split_once('?')) {
            Some(("b", text)) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
                out.push_str(&String::from_utf8(bytes).expect("UTF-8"));
            }
            Some(("q", text)) => out.push_str(&String::from_utf8(quoted(text.as_bytes(), true)).expect("UTF-8")),
            Some(other) => panic!("encoded word {other:?}"),
            None => out.push_str(word),
        }
    }
    out
}
