//! Which queries are asked, and which commands are sent.

use crate::connect::connector::WriteError;
use crate::connect::http::{Body, Call, Method};
use crate::domain::time::Timestamp;

/// Longest line that goes through the command file: a named pipe takes so much at once or nothing at all.
/// Source: POSIX, `PIPE_BUF` of Linux.
const LINE_BYTES_MAX: usize = 4096;

fn status(query: &str) -> Call {
    Call::get("/statusjson.cgi")
        .query("query", query)
        .query("formatoptions", "enumerate")
}

fn of_group(call: Call, host_group: Option<&str>) -> Call {
    match host_group {
        Some(group) => call.query("hostgroup", group),
        None => call,
    }
}

/// Hosts that are not up.
pub(super) fn bad_hosts(host_group: Option<&str>) -> Call {
    let call = status("hostlist")
        .query("details", "true")
        .query("hoststatus", "down unreachable");
    of_group(call, host_group)
}

/// Services that are not well.
pub(super) fn bad_services(host_group: Option<&str>) -> Call {
    let call = status("servicelist")
        .query("details", "true")
        .query("servicestatus", "warning critical unknown");
    of_group(call, host_group)
}

/// All downtimes that have not ended.
pub(super) fn downtimes() -> Call {
    status("downtimelist").query("details", "true")
}

/// Names of all hosts that the user may see.
pub(super) fn host_names() -> Call {
    status("hostlist")
}

/// Names of all services of one host.
pub(super) fn service_names(host: &str) -> Call {
    status("servicelist").query("hostname", host)
}

/// Version, and whether notifications are on.
pub(super) fn program() -> Call {
    status("programstatus")
}

/// What a downtime is for: a host itself, all services of a host, or one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// The host itself.
    Host,
    /// All services of the host.
    Services,
    /// One service of the host.
    Service(String),
}

/// One external command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// A fixed downtime.
    Schedule {
        /// Host, exactly as Nagios writes it.
        host: String,
        /// What of it.
        scope: Scope,
        /// First moment.
        from: Timestamp,
        /// Last moment.
        until: Timestamp,
        /// Who.
        author: String,
        /// Why, and the marker.
        comment: String,
    },
    /// Ends a downtime.
    Delete {
        /// Its number.
        id: u64,
        /// It is for a service.
        is_service: bool,
    },
}

/// A free text as one field: `;` ends a field and a line break ends a command, so that either would be the start of
/// whatever its writer likes.
pub(super) fn field(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ';' => ',',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

/// A name as one field. It must go through unchanged, so that what cannot is refused.
fn name(text: &str) -> Result<&str, WriteError> {
    if text.is_empty() || field(text) != text {
        return Err(WriteError::refused(format!(
            "`{}` cannot be the name of a host or service",
            field(text)
        )));
    }
    Ok(text)
}

fn seconds(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(1000)
}

impl Command {
    /// The line for the command file.
    ///
    /// # Errors
    /// Refused for names that would not go through, and for what is too long for one write.
    pub(super) fn line(&self, now: Timestamp) -> Result<String, WriteError> {
        let body = match self {
            Self::Delete {
                id,
                is_service: true,
            } => format!("DEL_SVC_DOWNTIME;{id}"),
            Self::Delete {
                id,
                is_service: false,
            } => format!("DEL_HOST_DOWNTIME;{id}"),
            Self::Schedule {
                host,
                scope,
                from,
                until,
                author,
                comment,
            } => {
                let target = match scope {
                    Scope::Host => format!("SCHEDULE_HOST_DOWNTIME;{}", name(host)?),
                    Scope::Services => format!("SCHEDULE_HOST_SVC_DOWNTIME;{}", name(host)?),
                    Scope::Service(service) => {
                        format!("SCHEDULE_SVC_DOWNTIME;{};{}", name(host)?, name(service)?)
                    }
                };
                let (from, until) = (seconds(*from), seconds(*until));
                let (author, comment) = (field(author), field(comment));
                // Fixed, not triggered by another one, and the length that only flexible ones need.
                let length = until.saturating_sub(from);
                format!("{target};{from};{until};1;0;{length};{author};{comment}")
            }
        };
        let line = format!("[{}] {body}\n", seconds(now));
        if line.len() > LINE_BYTES_MAX {
            return Err(WriteError::refused(format!(
                "the command is longer than {LINE_BYTES_MAX} bytes"
            )));
        }
        Ok(line)
    }

    /// Number of the command in `cmd.cgi`. Source: Nagios Core 4, `include/common.h`, `CMD_`.
    const fn number(&self) -> &'static str {
        match self {
            Self::Schedule {
                scope: Scope::Host, ..
            } => "55",
            Self::Schedule {
                scope: Scope::Service(_),
                ..
            } => "56",
            Self::Schedule {
                scope: Scope::Services,
                ..
            } => "86",
            Self::Delete {
                is_service: false, ..
            } => "78",
            Self::Delete {
                is_service: true, ..
            } => "79",
        }
    }

    /// What names its target.
    fn target(&self) -> Result<Vec<(&'static str, String)>, WriteError> {
        Ok(match self {
            Self::Delete { id, .. } => vec![("down_id", id.to_string())],
            Self::Schedule { host, scope, .. } => {
                let mut target = vec![("host", name(host)?.to_owned())];
                if let Scope::Service(service) = scope {
                    target.push(("service", name(service)?.to_owned()));
                }
                target
            }
        })
    }

    /// Asks for the form of the command, which holds what has to be sent with it.
    ///
    /// # Errors
    /// As [`Command::line`].
    pub(super) fn form(&self) -> Result<Call, WriteError> {
        let call = Call::get("/cmd.cgi").query("cmd_typ", self.number());
        let target = self.target()?.into_iter();
        Ok(target.fold(call, |call, (name, value)| call.query(name, value)))
    }

    /// Sends the command as its form would. `times` writes a time as this server reads it.
    ///
    /// # Errors
    /// As [`Command::line`]; refused when there is no way to write times.
    pub(super) fn commit(&self, form: &super::form::Form) -> Result<Call, WriteError> {
        let mut pairs = vec![
            ("cmd_typ", self.number().to_owned()),
            ("cmd_mod", "2".to_owned()),
        ];
        pairs.extend(self.target()?);
        if let Self::Schedule {
            until,
            author,
            comment,
            ..
        } = self
        {
            let (from, until) = form.span(*until)?;
            let further = [
                ("com_author", field(author)),
                ("com_data", field(comment)),
                ("trigger", "0".to_owned()),
                ("start_time", from),
                ("end_time", until),
                ("fixed", "1".to_owned()),
                ("hours", "0".to_owned()),
                ("minutes", "0".to_owned()),
                ("childoptions", "0".to_owned()),
            ];
            pairs.extend(further);
        }
        pairs.push(("btnSubmit", "Commit".to_owned()));
        Ok(form.sign(post(pairs)))
    }

    /// The same without what a downtime needs: a user who may not gets told so, and one who may that something is
    /// missing. Nothing is ever done. Source: Nagios Core 4, `cgi/cmd.c`, `commit_command_data`.
    ///
    /// # Errors
    /// As [`Command::line`].
    pub(super) fn rehearse(&self, form: &super::form::Form) -> Result<Call, WriteError> {
        let mut pairs = vec![
            ("cmd_typ", self.number().to_owned()),
            ("cmd_mod", "2".to_owned()),
        ];
        pairs.extend(self.target()?);
        pairs.push(("btnSubmit", "Commit".to_owned()));
        Ok(form.sign(post(pairs)))
    }
}

fn post(pairs: Vec<(&'static str, String)>) -> Call {
    Call {
        body: Body::Form(pairs),
        ..Call::new(Method::Post, "/cmd.cgi")
    }
}
