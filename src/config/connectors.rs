//! `[connect.KIND.NAME]`: finds the tables and hands them, key by key, to the connectors that know what they mean.

use super::Secrets;
use super::document::{At, Document, Section};
use super::env::Env;
use super::secret::{SECRET_HINT, SecretRef};
use super::sections::path;
use crate::connect::connector::{Connector, Kind};
use crate::connect::http::{Auth, HttpConfig};
use crate::connect::keys::Keys;
use crate::connect::registry::KINDS;
use crate::domain::board::OWN_NAMES;
use crate::domain::id::ConnectorName;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

/// One table, as a connector sees it.
struct Table<'r, 'd, 't> {
    reader: &'r Reader<'d, 't>,
    section: Section<'d, 't>,
}

/// Reads all connectors, and gives the names of those that answer metric queries.
pub(super) fn connectors(
    document: &Document<'_>,
    section: Option<Section<'_, '_>>,
    env: &Env,
    secrets: Secrets,
) -> (Vec<Arc<dyn Connector>>, Vec<ConnectorName>) {
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
    for kind in KINDS {
        all.extend(reader.each(&mut section, kind));
    }
    let metrics = all.iter().filter(|connector| connector.is_metrics());
    let metrics = metrics.map(|connector| connector.name().clone()).collect();
    section.finish();
    if secrets == Secrets::Skip {
        all.clear();
    }
    (all, metrics)
}

impl<'d, 't> Reader<'d, 't> {
    /// Reads each `[connect.KIND.NAME]`.
    fn each(&mut self, parent: &mut Section<'d, 't>, kind: &Kind) -> Vec<Arc<dyn Connector>> {
        let mut all = Vec::new();
        for (at, section) in parent.named(kind.word) {
            let name = self.name(&at);
            // Even without a usable name the rest is read, so that its problems show.
            let or_any = name.clone().or_else(|| ConnectorName::new("unnamed").ok());
            let mut table = Table {
                reader: self,
                section,
            };
            let config = or_any.and_then(|name| (kind.read)(name, &mut table));
            table.section.finish();
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
            Ok(name) if OWN_NAMES.contains(&name.as_str()) => {
                let what = format!("`{name}` is a name the session server tells of itself by");
                self.document.fault(at, what, "choose another name");
                None
            }
            Ok(name) => Some(name),
            Err(error) => {
                self.document.fault(at, error.to_string(), "");
                None
            }
        }
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
            body_bytes_max: body
                .and_then(|max| usize::try_from(max).ok())
                .unwrap_or(base.body_bytes_max),
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

impl Keys for Table<'_, '_, '_> {
    fn has(&self, key: &'static str) -> bool {
        self.section.has(key)
    }

    fn text(&mut self, key: &'static str) -> Option<String> {
        self.section.text(key).map(|at| at.value)
    }

    fn required(&mut self, key: &'static str, hint: &str) -> Option<String> {
        self.section.required(key, hint).map(|at| at.value)
    }

    fn span(&mut self, key: &'static str, within: Range<Duration>) -> Option<Duration> {
        self.section.time(key, within)
    }

    fn whole(&mut self, key: &'static str, within: Range<u64>) -> Option<u64> {
        self.section.whole(key, within)
    }

    fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.section.flag(key)
    }

    fn word(&mut self, key: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let words: Vec<(&str, &'static str)> = words.iter().map(|word| (*word, *word)).collect();
        self.section.word(key, &words)
    }

    fn texts(&mut self, key: &'static str) -> Vec<String> {
        let texts = self.section.texts(key).into_iter();
        texts.map(|at| at.value).collect()
    }

    fn ids(&mut self, key: &'static str) -> Vec<String> {
        self.reader.ids(&mut self.section, key)
    }

    fn pairs(&mut self, key: &'static str) -> Vec<(String, String)> {
        let pairs = self.section.pairs(key).into_iter();
        pairs.map(|(name, at)| (name.value, at.value)).collect()
    }

    fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        path(
            self.reader.document,
            &mut self.section,
            key,
            self.reader.env,
        )
    }

    fn required_path(&mut self, key: &'static str, hint: &str) -> Option<PathBuf> {
        let at = self.section.required(key, hint)?;
        let home = self.reader.env.dir("HOME");
        Some(self.reader.document.path(&at.value, home.as_deref()))
    }

    fn url(&mut self, key: &'static str) -> Option<String> {
        let at = self.section.text(key)?;
        self.reader.url(&at)
    }

    fn urls(&mut self, key: &'static str) -> Vec<String> {
        let is_there = self.section.has(key);
        let texts = self.section.texts(key);
        if is_there && texts.is_empty() {
            self.fault(key, "holds no usable entry".to_owned(), "");
        }
        texts.iter().filter_map(|at| self.reader.url(at)).collect()
    }

    fn secret(&mut self, key: &'static str) -> Option<SecretString> {
        let at = self.section.text(key)?;
        self.reader.secret(&at)
    }

    fn required_secret(&mut self, key: &'static str) -> Option<SecretString> {
        let at = self.section.required(key, SECRET_HINT)?;
        self.reader.secret(&at)
    }

    fn auth(&mut self) -> Auth {
        self.reader.auth(&mut self.section)
    }

    fn headers(&mut self) -> Vec<(String, String)> {
        self.reader.plain_headers(&mut self.section)
    }

    fn limits(&mut self) -> HttpConfig {
        self.reader.limits(&mut self.section)
    }

    fn http(&mut self, default: Option<&str>) -> Option<HttpConfig> {
        self.reader.http(&mut self.section, default)
    }

    fn inside(&mut self, key: &'static str, read: &mut dyn FnMut(&mut dyn Keys)) -> bool {
        let section = self.section.section(key);
        let is_there = section.is_some();
        self.open(section, read);
        is_there
    }

    fn each(&mut self, key: &'static str, read: &mut dyn FnMut(&mut dyn Keys)) {
        let sections = self.section.sections(key);
        self.open(sections, read);
    }

    fn fault(&mut self, key: &'static str, what: String, hint: &str) {
        let at = self.section.place_of(key);
        self.reader.document.fault(&at, what, hint);
    }
}

impl<'d, 't> Table<'_, 'd, 't> {
    fn open(
        &self,
        sections: impl IntoIterator<Item = Section<'d, 't>>,
        read: &mut dyn FnMut(&mut dyn Keys),
    ) {
        for section in sections {
            let mut table = Table {
                reader: self.reader,
                section,
            };
            read(&mut table);
            table.section.finish();
        }
    }
}
