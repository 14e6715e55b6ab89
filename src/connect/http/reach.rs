//! Is the server there at all: any answer is one.

use super::{Http, HttpError, header_text, parse_http_date};
use crate::domain::time::Timestamp;
use reqwest::header;

/// What any answer of a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The status; a refusal is an answer too.
    pub status: u16,
    /// Value of `Date`: the server's clock, whole seconds.
    pub date: Option<Timestamp>,
}

impl Http {
    /// Asks for the base URL; every status is good. The body is not read.
    ///
    /// # Errors
    /// When there is no connection, no TLS or no answer in time.
    pub async fn reach(&self) -> Result<Reached, HttpError> {
        let request = self.client.get(self.url(""));
        let response = request.send().await.map_err(|error| self.error(error))?;
        Ok(Reached {
            status: response.status().as_u16(),
            date: header_text(response.headers(), &header::DATE).and_then(parse_http_date),
        })
    }

    /// Host name or address without a port, and the port that is connected to.
    pub fn endpoint(&self) -> (String, u16) {
        let host = self.base.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        (
            bare.to_owned(),
            self.base.port_or_known_default().unwrap_or(80),
        )
    }

    /// True when the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
    }
}
