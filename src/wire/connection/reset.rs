//! A session made as it was after its login.

use crate::{
    config::Config,
    error::{Error, Kind, Result},
};

use super::{
    super::{auth, command, flags::Capabilities},
    Connection,
};

impl Connection {
    /// Brings the session back to how it was after the login: no transaction, no variables, no locks, no temporary
    /// tables, no prepared statements, the same database and settings.
    ///
    /// The server's own reset leaves the database as USE changed it. A session that began without one can not be
    /// brought back there; it becomes unusable, but where its holders look after it.
    pub async fn reset(&mut self) -> Result<()> {
        self.start();
        self.packets.push(command::reset);
        let mut result = self.simple().await.map(drop);
        self.statements.forget_all();
        self.autocommit_taken = false;
        if result.is_ok() {
            result = self.restore_database().await;
        }
        if result.is_ok() {
            result = self.restore_settings().await;
        }
        self.finish(result)
    }

    /// Goes on as the user of `config`, with its database and character set, in a session as new. A refusal ends the
    /// connection if it `has_to`; otherwise MariaDB goes on as before, and MySQL hangs up, which the next command finds.
    pub async fn change_user(&mut self, config: &Config, has_to: bool) -> Result<()> {
        self.start();
        let result = auth::change_user(
            &mut self.packets,
            config,
            &mut self.challenge,
            self.capabilities,
        )
        .await;
        self.statements.forget_all();
        self.autocommit_taken = false;
        let was_refused = result.as_ref().is_err_and(|error| error.errno().is_some());
        let mut result = result.map(|status| self.status = status);
        if result.is_ok() {
            self.database = config.database.clone();
            self.collation = collation_name(config.collation);
            result = self.restore_settings().await;
        }
        let result = self.finish(result);
        self.usable = result.is_ok() || (was_refused && !has_to);
        result
    }

    /// What a login sets and the server's reset takes back: IGNORE_SPACE, which the login puts into sql_mode, and on
    /// MySQL the character set, which goes to that of the server.
    async fn restore_settings(&mut self) -> Result<()> {
        let mut settings = Vec::new();
        if self.capabilities.contains(Capabilities::IGNORE_SPACE) {
            settings.push(
                "SESSION sql_mode = CONCAT_WS(',', NULLIF(@@SESSION.sql_mode, ''), 'IGNORE_SPACE')"
                    .to_owned(),
            );
        }
        if let (Some(collation), true) = (self.collation, self.mariadb.bits() == 0) {
            settings.push(format!("NAMES utf8mb4 COLLATE {collation}"));
        }
        if settings.is_empty() {
            return Ok(());
        }
        let text = format!("SET {}", settings.join(", "));
        self.packets.begin();
        self.packets.push(|out| command::query(out, &text));
        self.simple().await.map(drop)
    }

    async fn restore_database(&mut self) -> Result<()> {
        if self.database.is_none() && self.keeps_session {
            return Ok(());
        }
        let Some(database) = &self.database else {
            return Err(Error::new(
                Kind::Unsupported,
                "the session had no database to go back to",
            ));
        };
        self.packets.begin();
        self.packets
            .push(|out| command::use_database(out, database));
        self.simple().await.map(drop)
    }
}

/// The collations that the option `charset` knows.
pub(super) fn collation_name(number: u16) -> Option<&'static str> {
    Some(match number {
        45 => "utf8mb4_general_ci",
        46 => "utf8mb4_bin",
        224 => "utf8mb4_unicode_ci",
        246 => "utf8mb4_unicode_520_ci",
        255 => "utf8mb4_0900_ai_ci",
        _ => return None,
    })
}
