//! Certificates of this run: authorities, servers and clients, good and bad.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// An authority that signs for servers and clients.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
    name: String,
}

/// The files of a certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.join(format!("{name}.crt")), issuer.pem()).unwrap();
        Self { issuer, folder: folder.to_owned(), name: name.to_owned() }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.crt", self.name))
    }

    pub(crate) fn server(&self, name: &str) -> Identity {
        self.sign(name, &["localhost", "127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth, false)
    }

    pub(crate) fn client(&self, name: &str, sans: &[&str]) -> Identity {
        self.sign(name, sans, ExtendedKeyUsagePurpose::ClientAuth, false)
    }

    pub(crate) fn expired_client(&self, name: &str) -> Identity {
        self.sign(name, &["scraper.example"], ExtendedKeyUsagePurpose::ClientAuth, true)
    }

    fn sign(&self, name: &str, sans: &[&str], purpose: ExtendedKeyUsagePurpose, has_expired: bool) -> Identity {
        let sans: Vec<String> = sans.iter().map(|san| (*san).to_owned()).collect();
        let mut params = CertificateParams::new(sans).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        if has_expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        fs::write(file("crt"), certificate.pem()).unwrap();
        fs::write(file("key"), key.serialize_pem()).unwrap();
        Identity { certificate: file("crt"), key: file("key") }
    }
}
