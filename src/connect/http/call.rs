//! One request, made without I/O.

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes, or asks for something.
    Post,
    /// Makes or replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
    /// Asks what may be done there.
    Options,
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Nothing.
    None,
    /// `application/json`.
    Json(serde_json::Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(&'static str, String)>),
}

/// One request below a base URL, made without I/O.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What it does.
    pub method: Method,
    /// Path below the base URL; an empty one is the base URL itself.
    pub path: String,
    /// Query parameters, not yet encoded.
    pub query: Vec<(&'static str, String)>,
    /// Headers of this request alone; none that is a secret.
    pub headers: Vec<(&'static str, String)>,
    /// What it carries.
    pub body: Body,
}

impl Call {
    /// A request without query, headers and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::None,
        }
    }

    /// Reads `path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// Changes a part of what is at `path`.
    pub fn patch(path: impl Into<String>, body: serde_json::Value) -> Self {
        Self {
            body: Body::Json(body),
            ..Self::new(Method::Patch, path)
        }
    }

    /// Sends JSON to `path`.
    pub fn post(path: impl Into<String>, body: serde_json::Value) -> Self {
        Self {
            body: Body::Json(body),
            ..Self::new(Method::Post, path)
        }
    }

    /// The same with one more query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A text as one part of a path: everything but letters, digits, `-`, `.`, `_` and `~` is percent-encoded, so that a
/// name with a `/` or a `?` in it cannot ask for something else.
///
/// Source: RFC 3986, 2.3.
pub fn path_part(text: &str) -> String {
    use std::fmt::Write as _;
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            part.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            write!(part, "%{byte:02X}").ok();
        }
    }
    // A part of dots alone would climb, encoded or not; nothing is called so.
    if part.chars().all(|c| c == '.') {
        part = part.replace('.', "_");
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        assert_eq!(path_part("P1-x_~.9"), "P1-x_~.9");
        assert_eq!(path_part("a/b?c#d%"), "a%2Fb%3Fc%23d%25");
        assert_eq!(path_part("ü "), "%C3%BC%20");
        assert_eq!(path_part(".."), "__");
    }
}
