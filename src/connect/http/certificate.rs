//! The certificate that a server shows, whoever it is: that of one that is not trusted is worth knowing most.

use super::{Http, HttpConfig, HttpError, HttpSetupError, deepest, install_tls, is_loopback};

impl Http {
    /// Asks the server for its certificate, as DER; nothing where the connection is not encrypted.
    ///
    /// The certificate is not checked, so nothing that is secret is sent: no credentials, no header of the settings, not
    /// even the path of the base URL.
    ///
    /// # Errors
    /// When there is no connection, no handshake or no answer in time.
    pub async fn certificate(&self, config: &HttpConfig) -> Result<Option<Vec<u8>>, HttpError> {
        let client = self.stranger(config).map_err(|error| HttpError::Tls {
            host: self.host.clone(),
            reason: error.to_string(),
        })?;
        let mut root = self.base.clone();
        root.set_path("/");
        let answer = client.head(root).send().await;
        let answer = answer.map_err(|error| self.error(error))?;
        let info = answer.extensions().get::<reqwest::tls::TlsInfo>();
        let shown = info.and_then(reqwest::tls::TlsInfo::peer_certificate);
        Ok(shown.map(<[u8]>::to_vec))
    }

    /// A client that trusts everybody and tells nobody anything.
    #[expect(
        clippy::disallowed_methods,
        reason = "it must see certificates that the usual client goes away from"
    )]
    fn stranger(&self, config: &HttpConfig) -> Result<reqwest::Client, HttpSetupError> {
        install_tls();
        let mut builder = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout)
            .tls_danger_accept_invalid_certs(true)
            .tls_info(true);
        if is_loopback(&self.base) {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| HttpSetupError::Build {
            what: deepest(&error),
        })
    }
}
