//! A record as a file that stands alone: the record, its proof, and the patient's own word on who may write
//! (capabilities E4, E5, E6). Checked without a network.

use ledger::{Chain, Digest, InclusionProof, PublicKey, Salt, Signature, decode};
use serde::{Deserialize, Serialize};

use crate::{
    AccessRequest, Authority, CATEGORY_ACCESS, CATEGORY_ANOMALIES, CATEGORY_PARAMETERS, CATEGORY_SCORES, Directive,
    Error, Header, Opening, ParametersRecord, RecordProof, Row, Score,
};

/// Version of the file.
const VERSION: u8 = 1;
/// Most bytes of a file that is looked at.
pub const RECORD_FILE_BYTES_MAX: usize = 1 << 20;

/// A record with all that shows where it stands. Its file is JSON, two-space indented, keys in the order of
/// `docs/formats.md` 3.8, one final newline.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct RecordFile {
    /// The record, and that it is in a block that its writer signed.
    pub proof: RecordProof,
    /// That the patient named this writer: the opening and the directives in blocks before.
    pub authority: Authority,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordContent {
    /// What a device measured at one moment.
    Readings(Row),
    /// The detector's score.
    Score(Score),
    /// A request for the patient's data.
    Access(AccessRequest),
    /// What a doctor set for the detector.
    Parameters(ParametersRecord),
}

/// What was found true of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRecord {
    /// The personal chain.
    pub chain: Chain,
    /// The patient who opened it.
    pub patient: PublicKey,
    /// Height of the block.
    pub height: u64,
    /// Hash of the block.
    pub block: Digest,
    /// Who signed the block.
    pub writer: PublicKey,
    /// When the block was cut, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The batch's category.
    pub category: u8,
    /// The record.
    pub content: RecordContent,
    /// What was computed again.
    pub recomputed: Vec<&'static str>,
    /// What rests on somebody's word: the statement, and who says so.
    pub attested_by: Vec<(&'static str, &'static str)>,
}

impl RecordFile {
    /// Checks everything within, against the network's id (the digest of its genesis).
    pub fn verify(&self, network: &Digest) -> Result<VerifiedRecord, Error> {
        let proof = &self.proof;
        if proof.chain.network != *network {
            return Err(Error::Proof("it is of another network than the genesis".into()));
        }
        let proved = proof.verify()?;
        self.authority.verify(proof)?;
        let content = content(proof.category, &proof.record)?;
        Ok(VerifiedRecord {
            chain: proof.chain,
            patient: self.authority.opening.0.patient,
            height: proved.height,
            block: proved.block,
            writer: proved.writer,
            time_ms: proof.header.time_ms,
            category: proof.category,
            content,
            recomputed: vec![
                "the record's salted commitment",
                "its place in the batch, up to the root in the block's header",
                "the block's hash and its writer's signature",
                "the chain's id, and the patient's signature on the opening (and each directive) that names the writer",
            ],
            attested_by: vec![
                ("that this is what was measured, and when", "the writer and the device"),
                (
                    "that the patient dismissed this writer in no directive left out here",
                    "the whole chain, or whoever handed the file over",
                ),
                (
                    "that no other block stands at this height",
                    "the writer, until an anchor on the record chain covers the block",
                ),
            ],
        })
    }

    /// The file.
    pub fn to_json(&self) -> Result<String, Error> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::Proof(error.to_string()))?;
        Ok(text + "\n")
    }

    /// Reads a file; anything but the one canonical spelling is refused.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > RECORD_FILE_BYTES_MAX {
            let reason = format!("{} bytes, at most {RECORD_FILE_BYTES_MAX} are possible", bytes.len());
            return Err(Error::Bounds { what: "file of a record", reason });
        }
        let file: Self = serde_json::from_slice(bytes).map_err(|error| Error::Proof(error.to_string()))?;
        let again = file.to_json()?;
        if let Some(position) = again.bytes().zip(bytes).position(|(ours, theirs)| ours != *theirs) {
            return Err(Error::Proof(format!("the file is not spelled canonically from byte {position} on")));
        }
        if again.len() != bytes.len() {
            return Err(Error::Proof("the file is not spelled canonically at its end".into()));
        }
        Ok(file)
    }
}

fn content(category: u8, record: &[u8]) -> Result<RecordContent, Error> {
    match category {
        CATEGORY_ACCESS => Ok(RecordContent::Access(decode("request for access", record)?)),
        CATEGORY_PARAMETERS => {
            let record: ParametersRecord = decode("parameters", record)?;
            record.set.check()?;
            Ok(RecordContent::Parameters(record))
        }
        CATEGORY_SCORES => Ok(RecordContent::Score(decode("score", record)?)),
        CATEGORY_ANOMALIES => Err(Error::Proof("anomalies are no batch".into())),
        _ => {
            let row: Row = decode("row of readings", record)?;
            row.check()?;
            Ok(RecordContent::Readings(row))
        }
    }
}

/// The spelling in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    version: u8,
    network: Digest,
    chain: Digest,
    category: u8,
    #[serde(with = "hex_of")]
    salt: Salt,
    #[serde(with = "hex_bytes")]
    record: Vec<u8>,
    inclusion: InclusionText,
    #[serde(with = "hex_of")]
    header: Header,
    signature: Signature,
    #[serde(with = "hex_of")]
    opening: Opening,
    opening_signature: Signature,
    directives: Vec<DirectiveText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InclusionText {
    index: u64,
    size: u64,
    path: Vec<Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectiveText {
    #[serde(with = "hex_of")]
    directive: Directive,
    signature: Signature,
}

impl From<RecordFile> for Text {
    fn from(file: RecordFile) -> Self {
        let RecordFile { proof, authority } = file;
        let RecordProof { chain, category, salt, record, inclusion, header, signature } = proof;
        let InclusionProof { index, size, path } = inclusion;
        let Authority { opening: (opening, opening_signature), directives } = authority;
        let directives = directives.into_iter().map(|(directive, signature)| DirectiveText { directive, signature });
        Self {
            version: VERSION,
            network: chain.network,
            chain: chain.id,
            category,
            salt,
            record,
            inclusion: InclusionText { index, size, path },
            header,
            signature,
            opening,
            opening_signature,
            directives: directives.collect(),
        }
    }
}

impl TryFrom<Text> for RecordFile {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        if text.version != VERSION {
            return Err(format!("version {} is unknown", text.version));
        }
        let InclusionText { index, size, path } = text.inclusion;
        let directives = text.directives.into_iter().map(|text| (text.directive, text.signature));
        Ok(Self {
            proof: RecordProof {
                chain: Chain { network: text.network, id: text.chain },
                category: text.category,
                salt: text.salt,
                record: text.record,
                inclusion: InclusionProof { index, size, path },
                header: text.header,
                signature: text.signature,
            },
            authority: Authority { opening: (text.opening, text.opening_signature), directives: directives.collect() },
        })
    }
}

/// Lower-case hex of a canonical encoding.
mod hex_of {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<T: borsh::BorshSerialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(ledger::encode(value)))
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: borsh::BorshSerialize + borsh::BorshDeserialize,
        D: Deserializer<'de>,
    {
        let bytes = hex::decode(String::deserialize(from)?).map_err(D::Error::custom)?;
        ledger::decode("hex", &bytes).map_err(D::Error::custom)
    }
}

/// Lower-case hex.
mod hex_bytes {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
