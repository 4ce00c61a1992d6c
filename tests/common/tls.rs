//! A certificate authority that only the tests know.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

type Authority = CertifiedIssuer<'static, KeyPair>;

pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| new_authority("The tests' authority"))
}

pub fn stranger() -> &'static Authority {
    static STRANGER: OnceLock<Authority> = OnceLock::new();
    STRANGER.get_or_init(|| new_authority("A stranger"))
}

fn new_authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A certificate of this authority for this name, and its key, in PEM.
pub fn certificate(issuer: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.subject_alt_names.push(SanType::DnsName(name.try_into().expect("a name")));
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

/// A server's side of TLS with a certificate of this authority for this name; `127.0.0.1` is an address.
pub fn server_config(issuer: &Authority, name: &str) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.subject_alt_names.push(if name == "127.0.0.1" {
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))
    } else {
        SanType::DnsName(name.try_into().expect("a name"))
    });
    let certificate: Certificate = params.signed_by(&key, issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate with its key");
    Arc::new(config)
}
