//! What proves who we are: the answers of the plugins to a server's nonce, and the password where nothing less will do.

use mysql_common::packets::AuthPlugin;

use crate::{
    config::Config,
    error::{Error, Kind, Result},
};

use super::super::{
    packet::{Body, Packets},
    reply, rsa_key,
    stream::Stream,
};

const CACHING_SHA2_REQUEST_KEY: u8 = 2;
const SHA256: &[u8] = b"sha256_password";
const SHA256_REQUEST_KEY: u8 = 1;
/// What the padding of RSA takes of a block.
const OAEP_BYTES: usize = 42;

pub(super) fn is_sha256(plugin: &AuthPlugin<'_>) -> bool {
    plugin.as_bytes() == SHA256
}

/// The password for a stream that nobody else reads.
pub(super) fn clear(config: &Config) -> Vec<u8> {
    let mut password = config.password.reveal().as_bytes().to_vec();
    password.push(0);
    password
}

/// The password, masked with the nonce and encrypted for whoever has the other half of the key.
pub(super) fn hide(config: &Config, nonce: &[u8], key: &[u8]) -> Result<Vec<u8>> {
    let mut password = clear(config);
    if nonce.is_empty() {
        return Err(Error::protocol(
            "the server sent no nonce to hide the password with",
        ));
    }
    for (byte, mask) in password.iter_mut().zip(nonce.iter().cycle()) {
        *byte ^= mask;
    }
    let Some(modulus) = rsa_key::modulus_bytes(key) else {
        return Err(Error::new(
            Kind::Auth,
            "the server's public key is not a usable RSA key in PEM form",
        ));
    };
    if password.len() + OAEP_BYTES > modulus {
        return Err(Error::new(
            Kind::Auth,
            format!("the server's public key of {modulus} bytes is too short for the password"),
        ));
    }
    // Should the library still find something to panic about, one login fails.
    std::panic::catch_unwind(|| mysql_common::crypto::encrypt(&password, key))
        .map_err(|_| Error::new(Kind::Auth, "the server's public key can not be used"))
}

/// What begins sha256_password: the password itself where nobody else reads it, or hidden by a key that is pinned, or the
/// question for the server's key.
fn begin_sha256(nonce: &[u8], config: &Config, stream: &Stream) -> Result<Vec<u8>> {
    if config.password.reveal().is_empty() {
        return Ok(vec![0]);
    }
    if stream.is_tls() {
        return Ok(clear(config));
    }
    if asks_for_key(config, stream) {
        return Ok(vec![SHA256_REQUEST_KEY]);
    }
    match &config.server_public_key {
        Some(key) => hide(config, nonce, key.as_bytes()),
        None => Err(needs_safe_way("sha256_password")),
    }
}

/// Whether sha256_password asks for the server's key. Through a socket nobody else can answer, but the server takes the
/// password in the clear through TLS alone.
pub(super) fn asks_for_key(config: &Config, stream: &Stream) -> bool {
    let trusts = config.allow_public_key_retrieval || stream.is_private();
    !stream.is_tls() && config.server_public_key.is_none() && trusts
}

fn needs_safe_way(plugin: &str) -> Error {
    Error::new(
        Kind::Auth,
        format!(
            "{plugin} needs a safe way for the password: use ssl or a unix socket, pin the server's key with \
             serverPublicKey, or accept the risk of a forged key with allowPublicKeyRetrieval"
        ),
    )
}

/// The RSA key to hide the password with: the pinned one, or the server's own word if the options trust it.
pub(super) async fn server_key(packets: &mut Packets, config: &Config) -> Result<Vec<u8>> {
    if let Some(key) = &config.server_public_key {
        return Ok(key.clone().into_bytes());
    }
    if !config.allow_public_key_retrieval {
        return Err(needs_safe_way("caching_sha2_password"));
    }
    packets.push(|out| out.push(CACHING_SHA2_REQUEST_KEY));
    packets.flush().await?;
    let body: Body = packets.next().await?;
    match packets.body(&body) {
        [0x01, key @ ..] => Ok(key.to_vec()),
        bytes @ [0xFF, ..] => Err(reply::read_err(bytes, true)),
        _ => Err(Error::protocol("the server sent no public key")),
    }
}

/// The answer of `plugin` to the server's nonce.
pub(super) fn prove(
    plugin: &AuthPlugin<'_>,
    nonce: &[u8],
    config: &Config,
    stream: &Stream,
) -> Result<Vec<u8>> {
    let password = config.password.reveal();
    match plugin {
        AuthPlugin::MysqlNativePassword | AuthPlugin::CachingSha2Password | AuthPlugin::Ed25519 => {
            if nonce.len() < 20 {
                return Err(Error::protocol("the server's nonce is too short"));
            }
            Ok(plugin
                .gen_data(Some(password), nonce)
                .map(|data| data.to_vec())
                .unwrap_or_default())
        }
        plugin if is_sha256(plugin) => begin_sha256(nonce, config, stream),
        AuthPlugin::MysqlClearPassword if !config.allow_cleartext => Err(refused(
            "mysql_clear_password; set enableCleartextPlugin to allow it over TLS or a unix socket",
        )),
        AuthPlugin::MysqlClearPassword if !stream.is_private() => Err(refused(
            "mysql_clear_password without TLS; add the option ssl",
        )),
        AuthPlugin::MysqlClearPassword => Ok(clear(config)),
        other => {
            // Anybody can be at the other end: no more of it is shown than a plugin's name needs.
            let name = other.as_bytes();
            let shown = name.get(..64).unwrap_or(name).escape_ascii();
            Err(refused(&format!("{shown}, which is not supported")))
        }
    }
}

pub(super) fn refused(plugin: &str) -> Error {
    Error::new(
        Kind::Auth,
        format!("the server asks for the login plugin {plugin}"),
    )
}
