//! TLS by rustls with ring. It verifies the chain and the host name unless the options say otherwise.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    config::{Config, Tls},
    error::{Error, Kind, Result},
};

/// Wraps `stream` in TLS as `tls` asks. The caller holds the deadline.
pub async fn secure(stream: TcpStream, tls: &Tls, config: &Config) -> Result<TlsStream<TcpStream>> {
    let host = tls.server_name.as_deref().unwrap_or(&config.host);
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        failure(format!(
            "ssl: '{host}' is not a name that a certificate can carry"
        ))
    })?;
    let connector = TlsConnector::from(client_config(tls)?);
    connector.connect(name, stream).await.map_err(|error| {
        failure(format!(
            "the TLS handshake with {} failed: {error}",
            config.target()
        ))
    })
}

fn failure(message: String) -> Error {
    Error::new(Kind::Tls, message)
}

/// What `tls` asks for, also of other servers than MySQL.
pub fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots(tls)?);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| failure(format!("ssl: {error}")))?;
    let builder = if tls.verify && tls.verify_identity {
        builder.with_root_certificates(roots)
    } else {
        let chain = if tls.verify {
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|error| failure(format!("ssl.ca: {error}")))?;
            Some(verifier)
        } else {
            None
        };
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Relaxed { chain, provider }))
    };
    let config = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert, "ssl.cert")?;
            let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes())
                .map_err(|error| failure(format!("ssl.key: {error}")))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| failure(format!("ssl.cert and ssl.key: {error}")))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn roots(tls: &Tls) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        Some(bundles) => {
            for bundle in bundles {
                for certificate in certificates(bundle, "ssl.ca")? {
                    roots
                        .add(certificate)
                        .map_err(|error| failure(format!("ssl.ca: {error}")))?;
                }
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    Ok(roots)
}

fn certificates(pem: &str, option: &str) -> Result<Vec<CertificateDer<'static>>> {
    let chain: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(failure(format!(
            "{option}: no certificate found; expected PEM text"
        ))),
        Err(error) => Err(failure(format!("{option}: {error}"))),
    }
}

/// Checks less than the default, as the options asked for: with `chain` it checks all but the name, without it
/// nothing but that the server holds the key of the certificate it shows.
#[derive(Debug)]
struct Relaxed {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Relaxed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                NotValidForName | NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
