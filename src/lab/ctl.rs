//! The client of the control API: what the steps of the demo runbook call.

use super::LabError;
use super::control::PREFIX;
use super::sim::action::Action;
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for the connection; the lab is on the same machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest wait for the next line; the lab sends two each second.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a whole answer: twenty times the longest.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// One line of the answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    #[serde(rename = "line")]
    Going(String),
    Done(String),
    Stopped(String),
}

/// Answer of an action that was not started.
#[derive(Debug, Deserialize)]
struct Refused {
    refused: String,
    #[serde(default)]
    hint: String,
}

/// Asks the lab at `addr` (`127.0.0.1:PORT`) for an action, writes its progress line by line, and gives the last line.
///
/// Blocks until the action is done.
///
/// # Errors
/// [`LabError`]: the lab is not there, says no, or ended meanwhile.
pub fn ctl(
    addr: &str,
    token: &str,
    action: Action,
    node: Option<&str>,
    progress: &mut dyn Write,
) -> Result<String, LabError> {
    let address: SocketAddr = addr
        .parse()
        .map_err(|_| LabError::Address(addr.to_owned()))?;
    // The token would cross a network in the clear.
    if !address.ip().is_loopback() {
        return Err(LabError::NotLoopback(address));
    }
    let lost = |cause: std::io::Error| LabError::Lost {
        addr: address,
        cause,
    };
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(|cause| {
        LabError::Connect {
            addr: address,
            cause,
        }
    })?;
    stream.set_read_timeout(Some(LINE_TIMEOUT)).map_err(lost)?;
    stream.set_write_timeout(Some(LINE_TIMEOUT)).map_err(lost)?;
    let request = request(address, token, action, node)?;
    stream.write_all(request.as_bytes()).map_err(lost)?;
    let mut reader = BufReader::new(stream.take(ANSWER_BYTES_MAX));
    let status = head(&mut reader).map_err(lost)?;
    if status != 200 {
        let mut body = String::new();
        reader.read_to_string(&mut body).map_err(lost)?;
        return Err(refusal(status, &body));
    }
    let mut shown = String::new();
    for line in reader.lines() {
        match serde_json::from_str(&line.map_err(lost)?) {
            Ok(Line::Going(text)) if text == shown => {}
            Ok(Line::Going(text)) => {
                writeln!(progress, "{text}").map_err(LabError::Write)?;
                progress.flush().map_err(LabError::Write)?;
                shown = text;
            }
            Ok(Line::Done(text)) => return Ok(text),
            Ok(Line::Stopped(text)) => return Err(LabError::Stopped(text)),
            Err(cause) => return Err(LabError::Answer(cause.to_string())),
        }
    }
    Err(LabError::Ended(address))
}

/// HTTP/1.0 on purpose: an answer of unknown length then ends with the connection, and comes without chunks.
fn request(
    addr: SocketAddr,
    token: &str,
    action: Action,
    node: Option<&str>,
) -> Result<String, LabError> {
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(LabError::Token);
    }
    let node: String =
        form_urlencoded::byte_serialize(node.unwrap_or_default().as_bytes()).collect();
    let body = format!("node={node}");
    Ok(format!(
        "POST {PREFIX}{action} HTTP/1.0\r\nHost: {addr}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// Reads up to the empty line and gives the status; 0 when there is none.
fn head(reader: &mut impl std::io::BufRead) -> std::io::Result<u16> {
    let mut status = None;
    for line in reader.lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if status.is_none() {
            let code = line.split(' ').nth(1);
            status = code.and_then(|code| code.parse().ok());
        }
    }
    Ok(status.unwrap_or(0))
}

fn refusal(status: u16, body: &str) -> LabError {
    match serde_json::from_str::<Refused>(body) {
        Ok(Refused { refused, hint }) => LabError::Refused {
            what: refused,
            hint,
        },
        Err(_) => LabError::Answer(format!("HTTP status {status}")),
    }
}
