//! `[connect.KIND.NAME]`: settings of the connectors, as the types that `connect` defines.

use super::Secrets;
use super::document::{At, Document, Section};
use super::env::Env;
use super::secret::{SECRET_HINT, SecretRef};
use super::sections::path;
use crate::connect::http::{Auth, HttpConfig};
use crate::connect::prometheus::{self, PrometheusConfig};
use crate::connect::registry::AnyConfig;
use crate::connect::scrape::{self, ScrapeConfig};
use crate::connect::{files, netbox, pagerduty};
use crate::domain::id::ConnectorName;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Interval of everything but metrics: more often than each second a CMDB or a pager has nothing new.
const EVERY: Range<Duration> = SECOND..DAY;

/// Time limits: shorter ones only measure the network, longer ones outlast any patience.
const TIMEOUT: Range<Duration> = Duration::from_millis(50)..Duration::from_secs(300);

/// Ids and slugs that are put into addresses.
const ID_CHARS_MAX: usize = 100;

/// Headers that carry credentials and nothing else. Source: RFC 9110, 11.6.2 and 11.7.2; RFC 6265, 4.2.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// What every connector's section is read with.
struct Reader<'d, 't> {
    document: &'d Document<'t>,
    env: &'d Env,
    secrets: Secrets,
    names: BTreeSet<ConnectorName>,
}

/// Reads all connectors, and gives the names of those that answer metric queries.
pub(super) fn connectors(
    document: &Document<'_>,
    section: Option<Section<'_, '_>>,
    env: &Env,
    secrets: Secrets,
) -> (Vec<AnyConfig>, Vec<ConnectorName>) {
    let Some(mut section) = section else {
        return (Vec::new(), Vec::new());
    };
    let mut reader = Reader {
        document,
        env,
        secrets,
        names: BTreeSet::new(),
    };
    let mut all = Vec::new();
    all.extend(reader.each(&mut section, "prometheus", Reader::prometheus));
    all.extend(reader.each(&mut section, "scrape", Reader::scrape));
    let metrics = reader.names.iter().cloned().collect();
    all.extend(reader.each(&mut section, "netbox", Reader::netbox));
    all.extend(reader.each(&mut section, "pagerduty", Reader::pagerduty));
    all.extend(
        reader.each(&mut section, "cmdb-file", |reader, name, section| {
            reader.file(files::Kind::Cmdb, name, section)
        }),
    );
    all.extend(
        reader.each(&mut section, "rota-file", |reader, name, section| {
            reader.file(files::Kind::Rota, name, section)
        }),
    );
    section.finish();
    if secrets == Secrets::Skip {
        all.clear();
    }
    (all, metrics)
}

impl<'d, 't> Reader<'d, 't> {
    /// Reads each `[connect.KIND.NAME]`.
    fn each(
        &mut self,
        parent: &mut Section<'d, 't>,
        kind: &'static str,
        read: impl Fn(&Self, ConnectorName, &mut Section<'d, 't>) -> Option<AnyConfig>,
    ) -> Vec<AnyConfig> {
        let mut all = Vec::new();
        for (at, mut section) in parent.named(kind) {
            let name = self.name(&at);
            // Even without a usable name the rest is read, so that its problems show.
            let or_any = name.clone().or_else(|| ConnectorName::new("unnamed").ok());
            let config = or_any.and_then(|name| read(self, name, &mut section));
            section.finish();
            if let (Some(config), Some(name)) = (config, name) {
                all.push(config);
                self.names.insert(name);
            }
        }
        all
    }

    fn name(&self, at: &At<String>) -> Option<ConnectorName> {
        match ConnectorName::new(&at.value) {
            Ok(name) if self.names.contains(&name) => {
                let what = format!("another connector is called `{name}`");
                let hint = "names are unique over all kinds: readings carry them";
                self.document.fault(at, what, hint);
                None
            }
            Ok(name) => Some(name),
            Err(error) => {
                self.document.fault(at, error.to_string(), "");
                None
            }
        }
    }

    fn prometheus(&self, name: ConnectorName, section: &mut Section<'d, 't>) -> Option<AnyConfig> {
        let auth = self.auth(section);
        let headers = self.plain_headers(section);
        let tenant = section.text("tenant").map(|at| at.value);
        let every = section.time("every", prometheus::EVERY_MIN..Duration::from_secs(3600));
        let step = section.time("step", SECOND..DAY);
        let history = section.time("history", Duration::ZERO..DAY);
        let series_max = section.whole("series_max", 1..10_001);
        let alerts = section.flag("alerts");
        let http = self.http(section, None)?;
        let base = PrometheusConfig::new(name, "");
        Some(AnyConfig::Prometheus(PrometheusConfig {
            http: HttpConfig {
                auth,
                headers,
                ..http
            },
            tenant,
            every: every.unwrap_or(base.every),
            step,
            history: history.unwrap_or(base.history),
            series_max: series_max.map_or(base.series_max, whole),
            alerts: alerts.unwrap_or(base.alerts),
            name: base.name,
        }))
    }

    fn scrape(&self, name: ConnectorName, section: &mut Section<'d, 't>) -> Option<AnyConfig> {
        let at = section.at();
        let mut urls = section.texts("urls");
        urls.extend(section.text("url"));
        let (auth, headers) = (self.auth(section), self.plain_headers(section));
        let every = section.time("every", scrape::EVERY_MIN..Duration::from_secs(3600));
        let series_max = section.whole("series_max", 1..10_001);
        let base = self.limits(section);
        if urls.is_empty() {
            let hint = "the page itself, such as `urls = [\"http://db-1:9100/metrics\"]`";
            self.document.fault(&at, "needs `url` or `urls`", hint);
            return None;
        }
        if urls.len() > scrape::ENDPOINTS_MAX {
            let what = format!("more than {} endpoints", scrape::ENDPOINTS_MAX);
            self.document.fault(&at, what, "ask a Prometheus instead");
        }
        let endpoints = urls.iter().filter_map(|at| {
            Some(HttpConfig {
                url: self.url(at)?,
                auth: auth.clone(),
                headers: headers.clone(),
                ..base.clone()
            })
        });
        let endpoints = endpoints.collect();
        let base = ScrapeConfig::new(name, &[]);
        Some(AnyConfig::Scrape(ScrapeConfig {
            endpoints,
            every: every.unwrap_or(base.every),
            series_max: series_max.map_or(base.series_max, whole),
            name: base.name,
        }))
    }

    fn netbox(&self, name: ConnectorName, section: &mut Section<'d, 't>) -> Option<AnyConfig> {
        let token = self.token(section, netbox::auth);
        let every = section.time("every", EVERY);
        let contacts = section.flag("contacts");
        let mut filter = netbox::Filter::default();
        if let Some(mut section) = section.section("filter") {
            filter.sites = self.ids(&mut section, "sites");
            filter.tags = self.ids(&mut section, "tags");
            filter.roles = self.ids(&mut section, "roles");
            section.finish();
        }
        let http = self.http(section, None)?;
        Some(AnyConfig::NetBox(netbox::NetBoxConfig {
            name,
            http: HttpConfig {
                auth: token?,
                ..http
            },
            every: every.unwrap_or(netbox::EVERY),
            filter,
            contacts: contacts.unwrap_or(false),
        }))
    }

    fn pagerduty(&self, name: ConnectorName, section: &mut Section<'d, 't>) -> Option<AnyConfig> {
        let token = self.token(section, pagerduty::auth);
        let every = section.time("every", EVERY);
        let schedules = self.ids(section, "schedules");
        let escalation_policies = self.ids(section, "escalation_policies");
        let services = self.ids(section, "services");
        let look_ahead = section.time("look_ahead", SECOND..DAY * 14);
        let http = self.http(section, Some(pagerduty::URL))?;
        Some(AnyConfig::PagerDuty(pagerduty::PagerDutyConfig {
            name,
            http: HttpConfig {
                auth: token?,
                ..http
            },
            every: every.unwrap_or(pagerduty::EVERY),
            schedules,
            escalation_policies,
            services,
            look_ahead: look_ahead.unwrap_or(pagerduty::LOOK_AHEAD),
        }))
    }

    fn file(
        &self,
        kind: files::Kind,
        name: ConnectorName,
        section: &mut Section<'d, 't>,
    ) -> Option<AnyConfig> {
        let every = section.time("every", EVERY);
        let at = section.required("path", "a file, TOML or JSON")?;
        let home = self.env.dir("HOME");
        Some(AnyConfig::File(files::FileConfig {
            name,
            kind,
            path: self.document.path(&at.value, home.as_deref()),
            every: every.unwrap_or(files::EVERY),
        }))
    }

    /// Keys of every HTTP connection: `url`, `timeout`, `connect_timeout`, `ca_file`, `ca_only`, `body_bytes_max`.
    fn http(&self, section: &mut Section<'d, 't>, url: Option<&str>) -> Option<HttpConfig> {
        let base = self.limits(section);
        let url = match url {
            Some(default) if !section.has("url") => {
                section.know("url");
                default.to_owned()
            }
            _ => {
                let at =
                    section.required("url", "a base URL such as `https://host.example:9090`")?;
                self.url(&at)?
            }
        };
        Some(HttpConfig { url, ..base })
    }

    /// Limits and certificates of an HTTP connection; the URL stays empty.
    fn limits(&self, section: &mut Section<'d, 't>) -> HttpConfig {
        let base = HttpConfig::new("");
        let timeout = section.time("timeout", TIMEOUT);
        let connect_timeout = section.time("connect_timeout", TIMEOUT);
        let body = section.whole("body_bytes_max", 1024..1024 * 1024 * 1024);
        let ca_only = section.flag("ca_only");
        HttpConfig {
            timeout: timeout.unwrap_or(base.timeout),
            connect_timeout: connect_timeout.unwrap_or(base.connect_timeout),
            body_bytes_max: body.map_or(base.body_bytes_max, whole),
            ca_file: path(self.document, section, "ca_file", self.env),
            ca_only: ca_only.unwrap_or(base.ca_only),
            ..base
        }
    }

    fn url(&self, at: &At<String>) -> Option<String> {
        let url = at.value.trim_end_matches('/');
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let host = rest
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default();
        let odd = |c: char| c.is_whitespace() || c.is_control();
        let what = if rest.is_none() {
            "must begin with `https://` or `http://`"
        } else if url.contains('@') {
            "must hold no user or password"
        } else if url.contains(['?', '#']) {
            "must hold no query and no fragment"
        } else if host.is_empty() || url.contains(odd) {
            "is not a URL with a host"
        } else {
            return Some(url.to_owned());
        };
        let hint = "write it as `https://host:port/prefix`; credentials have keys of their own";
        self.document.fault(at, what, hint);
        None
    }

    /// The secret `token`, as the vendor wants it sent.
    fn token(
        &self,
        section: &mut Section<'d, 't>,
        auth: fn(&SecretString) -> Auth,
    ) -> Option<Auth> {
        let at = section.required("token", SECRET_HINT)?;
        self.secret(&at).as_ref().map(auth)
    }

    /// `auth.bearer`, `auth.basic`, `auth.headers`: one of them.
    fn auth(&self, section: &mut Section<'d, 't>) -> Auth {
        let Some(mut auth) = section.section("auth") else {
            return Auth::None;
        };
        let at = auth.at();
        let bearer = auth.text("bearer");
        let basic = auth.section("basic").map(|section| self.basic(section));
        let headers = auth.pairs("headers");
        auth.finish();
        let kinds = [bearer.is_some(), basic.is_some(), !headers.is_empty()];
        if kinds.into_iter().filter(|is_set| *is_set).count() > 1 {
            let what = "has more than one of `bearer`, `basic` and `headers`";
            self.document.fault(&at, what, "");
        }
        if let Some(secret) = bearer.and_then(|at| self.secret(&at)) {
            return Auth::Bearer(secret);
        }
        if let Some(basic) = basic.flatten() {
            return basic;
        }
        let headers = headers.into_iter();
        let headers = headers.filter_map(|(name, at)| Some((name.value, self.secret(&at)?)));
        let headers: Vec<_> = headers.collect();
        if headers.is_empty() {
            Auth::None
        } else {
            Auth::Headers(headers)
        }
    }

    /// Headers that are no secret; those that always hold one are refused.
    fn plain_headers(&self, section: &mut Section<'_, '_>) -> Vec<(String, String)> {
        let headers = section.pairs("headers").into_iter();
        let plain = headers.filter_map(|(name, value)| {
            let is_secret = SECRET_HEADERS
                .iter()
                .any(|secret| name.value.eq_ignore_ascii_case(secret));
            if is_secret {
                let what = "a secret must not stand in this file";
                let hint = "put this header into `auth.headers`, with a reference to its value";
                self.document.fault(&name, what, hint);
                return None;
            }
            Some((name.value, value.value))
        });
        plain.collect()
    }

    fn basic(&self, mut section: Section<'_, '_>) -> Option<Auth> {
        let user = section.required("user", "the name to log in with");
        let password = section.required("password", SECRET_HINT);
        section.finish();
        let password = password.and_then(|at| self.secret(&at));
        Some(Auth::Basic {
            user: user?.value,
            password: password?,
        })
    }

    /// The secret behind a reference. With [`Secrets::Skip`] only the reference is checked, and the secret is empty;
    /// no connector leaves this module then.
    fn secret(&self, at: &At<String>) -> Option<SecretString> {
        let reference = match SecretRef::parse(&at.value) {
            Ok(reference) => reference,
            Err(error) => {
                self.document.fault(at, error.to_string(), SECRET_HINT);
                return None;
            }
        };
        if self.secrets == Secrets::Skip {
            return Some(SecretString::from(""));
        }
        match reference.resolve(self.env) {
            Ok(secret) => Some(secret),
            Err(error) => {
                self.document.fault(at, error.to_string(), error.hint());
                None
            }
        }
    }

    /// A list of ids or slugs.
    fn ids(&self, section: &mut Section<'_, '_>, key: &'static str) -> Vec<String> {
        let mut ids = Vec::new();
        for at in section.texts(key) {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let is_id = !at.value.is_empty() && at.value.chars().all(fits);
            if is_id && at.value.len() <= ID_CHARS_MAX {
                ids.push(at.value);
            } else {
                let what = format!("`{}` is not an id", at.value.escape_debug());
                self.document.fault(
                    &at,
                    what,
                    "letters, digits, `-`, `_` and `.`, as in the address of its page",
                );
            }
        }
        ids
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
