//! The first packets of a session: the server's greeting, TLS, and the proof of who we are.
//!
//! Plugins: mysql_native_password, caching_sha2_password (fast and full), sha256_password, client_ed25519, and
//! mysql_clear_password where the options and the stream allow it. A password leaves in the clear only through TLS
//! or a unix socket; an RSA key of the server's is used only when it is pinned or the options accept it.

use mysql_common::packets::AuthPlugin;

use crate::{
    config::Config,
    error::{Error, Kind, Result},
};

use super::{
    flags::{Capabilities, MariadbCapabilities, Status},
    packet::Packets,
    read::Cursor,
    reply,
    stream::Stream,
    tls,
};

mod proof;

use proof::{asks_for_key, clear, hide, is_sha256, prove, refused, server_key};

const CACHING_SHA2_FAST_OK: u8 = 3;
const CACHING_SHA2_FULL: u8 = 4;
/// Enough for any honest exchange; a server that asks on and on is refused.
const MAX_ROUNDS: usize = 8;

/// What the greeting and the login settled.
pub struct Session {
    pub id: u32,
    pub capabilities: Capabilities,
    pub mariadb: MariadbCapabilities,
    pub status: Status,
    pub challenge: Challenge,
}

/// What the server asked last: by which plugin to prove who we are, and with what nonce.
pub struct Challenge {
    plugin: AuthPlugin<'static>,
    nonce: Vec<u8>,
}

struct Greeting {
    id: u32,
    capabilities: Capabilities,
    mariadb: MariadbCapabilities,
    nonce: Vec<u8>,
    plugin: Vec<u8>,
}

/// Logs in. The caller holds the deadline.
pub async fn log_in(packets: &mut Packets, config: &Config) -> Result<Session> {
    let body = packets.next().await?;
    let greeting = read_greeting(packets.body(&body))?;
    let wanted = Capabilities::wanted(config);
    if !greeting.capabilities.contains(Capabilities::PROTOCOL_41) {
        return Err(Error::new(
            Kind::Unsupported,
            "the server speaks a protocol older than MySQL 4.1",
        ));
    }
    let capabilities = wanted.intersection(greeting.capabilities);
    let mariadb = MariadbCapabilities::WANTED.intersection(greeting.mariadb);

    if let Some(options) = config
        .tls
        .as_ref()
        .filter(|_| matches!(packets.stream, Stream::Tcp(_)))
    {
        if !capabilities.contains(Capabilities::SSL) {
            return Err(Error::new(
                Kind::Tls,
                "the option ssl asks for TLS, which this server does not offer; enable it there or drop the option",
            ));
        }
        // Bytes that came before the handshake were not sent by whoever the certificate names.
        if packets.has_leftovers() {
            return Err(Error::protocol(
                "the server sent bytes between its greeting and the TLS handshake",
            ));
        }
        packets.push(|out| write_login_head(out, capabilities, mariadb, config));
        packets.flush().await?;
        let Stream::Tcp(plain) = std::mem::replace(&mut packets.stream, Stream::Closed) else {
            return Err(Error::new(Kind::Internal, "TLS needs a TCP stream"));
        };
        packets.stream = Stream::Tls(Box::new(tls::secure(plain, options, config).await?));
    }

    let mut plugin = AuthPlugin::from_bytes(&greeting.plugin).into_owned();
    // A plugin that needs the password in the clear, or one unknown to us, never answers the greeting; the server
    // then asks for a switch, where the rules below apply.
    if !matches!(
        plugin,
        AuthPlugin::CachingSha2Password | AuthPlugin::MysqlNativePassword
    ) {
        plugin = AuthPlugin::MysqlNativePassword;
    }
    let proof = prove(&plugin, &greeting.nonce, config, &packets.stream)?;
    packets.push(|out| {
        write_login_head(out, capabilities, mariadb, config);
        write_login_tail(out, capabilities, config, &plugin, &proof);
    });
    packets.flush().await?;

    let mut challenge = Challenge {
        plugin,
        nonce: greeting.nonce,
    };
    let status = converse(packets, config, &mut challenge, capabilities).await?;
    Ok(Session {
        challenge,
        id: greeting.id,
        capabilities,
        mariadb,
        status,
    })
}

/// Goes on as the user of `config`, in a session as new. The caller has begun a command and holds the deadline.
pub async fn change_user(
    packets: &mut Packets,
    config: &Config,
    challenge: &mut Challenge,
    capabilities: Capabilities,
) -> Result<Status> {
    const COM_CHANGE_USER: u8 = 0x11;
    // Where the last plugin took the password itself, the server has to ask for that again.
    let proves = matches!(
        challenge.plugin,
        AuthPlugin::MysqlNativePassword | AuthPlugin::CachingSha2Password | AuthPlugin::Ed25519
    );
    if !proves {
        challenge.plugin = AuthPlugin::MysqlNativePassword;
    }
    let proof = prove(&challenge.plugin, &challenge.nonce, config, &packets.stream)?;
    packets.push(|out| {
        out.push(COM_CHANGE_USER);
        out.extend_from_slice(config.user.as_bytes());
        out.push(0);
        out.push(proof.len() as u8);
        out.extend_from_slice(&proof);
        out.extend_from_slice(config.database.as_deref().unwrap_or_default().as_bytes());
        out.push(0);
        out.extend_from_slice(&config.collation.to_le_bytes());
        if capabilities.contains(Capabilities::PLUGIN_AUTH) {
            out.extend_from_slice(challenge.plugin.as_bytes());
            out.push(0);
        }
        if capabilities.contains(Capabilities::CONNECT_ATTRS) {
            write_attributes(out, config);
        }
    });
    packets.flush().await?;
    converse(packets, config, challenge, capabilities).await
}

/// Answers the server's questions until it says OK or ERR.
async fn converse(
    packets: &mut Packets,
    config: &Config,
    challenge: &mut Challenge,
    capabilities: Capabilities,
) -> Result<Status> {
    for _ in 0..MAX_ROUNDS {
        let body = packets.next().await?;
        let bytes = packets.body(&body);
        match bytes.first() {
            Some(0x00) => return reply::read_ok(bytes, capabilities).map(|ok| ok.status),
            Some(0xFF) => return Err(reply::read_err(bytes, true)),
            Some(0xFE) => {
                let mut cursor = Cursor::new(bytes.get(1..).unwrap_or_default());
                if cursor.is_empty() {
                    return Err(refused(
                        "mysql_old_password, which is broken and not supported",
                    ));
                }
                let plugin = AuthPlugin::from_bytes(cursor.until_zero()?).into_owned();
                let nonce = nonce_of(&plugin, cursor.rest());
                *challenge = Challenge { plugin, nonce };
                let proof = prove(&challenge.plugin, &challenge.nonce, config, &packets.stream)?;
                packets.push(|out| out.extend_from_slice(&proof));
                packets.flush().await?;
            }
            Some(0x01) => {
                let more = bytes.get(1..).unwrap_or_default().to_vec();
                let Challenge { plugin, nonce } = &*challenge;
                continue_plugin(packets, config, plugin, nonce, &more).await?;
            }
            _ => {
                return Err(Error::protocol(
                    "the server sent an unknown packet during the login",
                ));
            }
        }
    }
    Err(Error::protocol(
        "the server asked for more login data again and again",
    ))
}

/// The second part of caching_sha2_password and sha256_password, the only plugins of ours that have one.
async fn continue_plugin(
    packets: &mut Packets,
    config: &Config,
    plugin: &AuthPlugin<'_>,
    nonce: &[u8],
    more: &[u8],
) -> Result<()> {
    if is_sha256(plugin) {
        if !asks_for_key(config, &packets.stream) {
            return Err(Error::protocol(
                "the server sent a key for the password that nobody asked for",
            ));
        }
        let hidden = hide(config, nonce, more)?;
        packets.push(|out| out.extend_from_slice(&hidden));
        return packets.flush().await;
    }
    if !matches!(plugin, AuthPlugin::CachingSha2Password) {
        return Err(Error::protocol(
            "the server sent login data that its plugin does not have",
        ));
    }
    match more {
        [CACHING_SHA2_FAST_OK] => Ok(()),
        [CACHING_SHA2_FULL] => {
            if packets.stream.is_private() {
                let clear = clear(config);
                packets.push(|out| out.extend_from_slice(&clear));
                return packets.flush().await;
            }
            let key = server_key(packets, config).await?;
            let hidden = hide(config, nonce, &key)?;
            packets.push(|out| out.extend_from_slice(&hidden));
            packets.flush().await
        }
        _ => Err(Error::protocol(
            "the server sent an unknown step of caching_sha2_password",
        )),
    }
}

/// The nonce in the data of a switch request. Some plugins send a zero byte behind it; a random last byte of zero
/// looks the same, so only the length tells.
fn nonce_of(plugin: &AuthPlugin<'_>, data: &[u8]) -> Vec<u8> {
    let length = if matches!(plugin, AuthPlugin::Ed25519) {
        32
    } else {
        20
    };
    data.get(..length).unwrap_or(data).to_vec()
}

fn read_greeting(bytes: &[u8]) -> Result<Greeting> {
    let mut cursor = Cursor::new(bytes);
    match cursor.u8()? {
        10 => {}
        // "Too many connections" and "host is blocked" come instead of a greeting, and without a state.
        0xFF => return Err(reply::read_err(bytes, false)),
        version => {
            return Err(Error::protocol(format!(
                "the server speaks protocol version {version}, not 10"
            )));
        }
    }
    cursor.until_zero()?;
    let id = cursor.u32()?;
    let mut nonce = cursor.bytes(8)?.to_vec();
    cursor.bytes(1)?;
    let low = u64::from(cursor.u16()?);
    cursor.u8()?;
    cursor.u16()?;
    let high = u64::from(cursor.u16()?);
    let nonce_length = usize::from(cursor.u8()?);
    cursor.bytes(6)?;
    let extended = cursor.u32()?;
    let capabilities = Capabilities::from_bits(low | high << 16);
    nonce.extend_from_slice(cursor.bytes(nonce_length.saturating_sub(8).max(12))?);
    let nonce = if nonce.len() > 20 {
        nonce.get(..20).unwrap_or_default().to_vec()
    } else {
        nonce
    };
    let plugin = if capabilities.contains(Capabilities::PLUGIN_AUTH) {
        let rest = if nonce_length < 21 {
            cursor.rest().strip_prefix(&[0]).unwrap_or(cursor.rest())
        } else {
            cursor.rest()
        };
        rest.split(|&byte| byte == 0)
            .next()
            .unwrap_or_default()
            .to_vec()
    } else {
        Vec::new()
    };
    // MariaDB marks itself by leaving the first bit, LONG_PASSWORD, unset; only then are the last four of the
    // reserved bytes flags.
    let mariadb = if capabilities.contains(Capabilities::LONG_PASSWORD) {
        0
    } else {
        extended
    };
    Ok(Greeting {
        id,
        capabilities,
        mariadb: MariadbCapabilities::from_bits(mariadb),
        nonce,
        plugin,
    })
}

fn write_login_head(
    out: &mut Vec<u8>,
    capabilities: Capabilities,
    mariadb: MariadbCapabilities,
    config: &Config,
) {
    out.extend_from_slice(&(capabilities.bits() as u32).to_le_bytes());
    out.extend_from_slice(
        &u32::try_from(config.max_allowed_packet)
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    // Servers with a collation number past 255 do not take it here; those are refused by the option's list.
    out.push(config.collation as u8);
    out.extend_from_slice(&[0; 19]);
    out.extend_from_slice(&mariadb.bits().to_le_bytes());
}

fn write_login_tail(
    out: &mut Vec<u8>,
    capabilities: Capabilities,
    config: &Config,
    plugin: &AuthPlugin<'_>,
    proof: &[u8],
) {
    out.extend_from_slice(config.user.as_bytes());
    out.push(0);
    // Our proofs have at most 64 bytes, so their length is one byte in either encoding.
    out.push(proof.len() as u8);
    out.extend_from_slice(proof);
    if capabilities.contains(Capabilities::CONNECT_WITH_DB) {
        out.extend_from_slice(config.database.as_deref().unwrap_or_default().as_bytes());
        out.push(0);
    }
    if capabilities.contains(Capabilities::PLUGIN_AUTH) {
        out.extend_from_slice(plugin.as_bytes());
        out.push(0);
    }
    if capabilities.contains(Capabilities::CONNECT_ATTRS) {
        write_attributes(out, config);
    }
}

fn write_attributes(out: &mut Vec<u8>, config: &Config) {
    let mut attributes = Vec::new();
    for (name, value) in &config.connect_attributes {
        write_string(&mut attributes, name.as_bytes());
        write_string(&mut attributes, value.as_bytes());
    }
    write_string(out, &attributes);
}

/// Appends a string behind its length-encoded length.
pub fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    let length = text.len() as u64;
    match length {
        0..=0xFA => out.push(length as u8),
        0xFB..=0xFFFF => {
            out.push(0xFC);
            out.extend_from_slice(&(length as u16).to_le_bytes());
        }
        0x1_0000..=0xFF_FFFF => {
            out.push(0xFD);
            out.extend_from_slice(&length.to_le_bytes()[..3]);
        }
        _ => {
            out.push(0xFE);
            out.extend_from_slice(&length.to_le_bytes());
        }
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests;
