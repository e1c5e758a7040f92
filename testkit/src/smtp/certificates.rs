//! A certificate authority and a server's certificate, made for one test.
//!
//! The leaf is no authority itself (`CA:FALSE`): rustls refuses a self-signed certificate as a server's.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};

/// Files of an authority and a server's certificate for `localhost` and `127.0.0.1`.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority's certificate, PEM: what a client has to trust.
    pub ca: PathBuf,
    /// The server's certificate, PEM.
    pub certificate: PathBuf,
    /// The server's private key, PEM.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes them anew in a folder.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let mut authority = CertificateParams::new(Vec::<String>::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, "authority for one test");
        let authority_key = KeyPair::generate()?;
        let authority = authority.self_signed(&authority_key)?;

        let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.distinguished_name.push(DnType::CommonName, "mail server for one test");
        let leaf_key = KeyPair::generate()?;
        let leaf = leaf.signed_by(&leaf_key, &authority, &authority_key)?;

        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
            anyhow::Ok(path)
        };
        Ok(Self {
            ca: write("ca.pem", authority.pem())?,
            certificate: write("server.pem", leaf.pem())?,
            key: write("server-key.pem", leaf_key.serialize_pem())?,
        })
    }
}
