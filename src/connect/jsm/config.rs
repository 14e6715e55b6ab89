//! Settings of `[connect.jsm.NAME]`.

use crate::connect::connector::{Connector, Kind};
use crate::connect::http::{Auth, HttpConfig};
use crate::connect::keys::Keys;
use crate::connect::opsgenie::{Dialect, OpsConfig, Shared};
use crate::domain::id::ConnectorName;
use std::sync::Arc;

/// `[connect.jsm.NAME]`
pub const KIND: Kind = Kind { word: "jsm", read };

/// Base URL of Atlassian's cloud APIs.
pub const URL: &str = "https://api.atlassian.com";

/// Longest cloud id: a UUID.
const CLOUD_ID_CHARS_MAX: usize = 64;

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let user = keys.required(
        "user",
        "the mail address of the account that made the token",
    );
    let token = keys.required_secret("token");
    let hint = "the id of the site, from `https://NAME.atlassian.net/_edge/tenant_info`";
    let cloud_id = keys.required("cloud_id", hint);
    let site = keys.url("site");
    let shared = Shared::read(keys);
    let http = keys.http(Some(URL))?;
    let cloud_id = cloud_id?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if cloud_id.len() > CLOUD_ID_CHARS_MAX || !cloud_id.chars().all(fits) {
        keys.fault("cloud_id", "is not a cloud id".to_owned(), hint);
        return None;
    }
    let auth = Auth::Basic {
        user: user?,
        password: token?,
    };
    let site = site.map(|url| HttpConfig {
        url,
        auth: auth.clone(),
        ..http.clone()
    });
    let http = HttpConfig {
        url: format!("{}/jsm/ops/api/{cloud_id}", http.url),
        auth,
        ..http
    };
    let config = shared.config(name, Dialect::Jsm, http);
    Some(Arc::new(OpsConfig { site, ..config }))
}
