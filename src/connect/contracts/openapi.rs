//! For tests: is this request one that the vendor's own description allows?
//!
//! Reads OpenAPI 2.0, 3.0 and 3.1 descriptions. Stricter than a description asks for: a query parameter or a field of a
//! body that it does not name is refused, since that is a name we got wrong.

use crate::connect::http::{Body, Call, Method};
use serde_json::{Map, Value, json};

/// One vendor's description.
pub(crate) struct Contract {
    doc: Value,
}

/// One operation of it, with its path template.
struct Operation<'a> {
    template: &'a str,
    item: &'a Value,
    own: &'a Value,
}

/// A request to be looked at, taken apart.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    query: Vec<(String, String)>,
    content_type: &'a str,
    body: &'a [u8],
}

impl Contract {
    /// Reads `path` below the contracts' folder. None, loudly, where there is no such folder.
    pub(crate) fn open(path: &str) -> Option<Self> {
        let bytes = super::read(path)?;
        let mut doc: Value = serde_json::from_slice(&bytes).expect("a description is JSON");
        allow_null(&mut doc);
        Some(Self { doc })
    }

    /// Checks a request as a mock server received it. `base` is what its path has before the paths of the description,
    /// such as `/api/v2`; or empty.
    pub(crate) fn check(&self, base: &str, request: &wiremock::Request) -> Result<(), String> {
        let path = request.url.path();
        let content_type = request.headers.get("content-type");
        self.judge(&Asked {
            method: request.method.as_str(),
            path: path.strip_prefix(base).unwrap_or(path),
            query: request.url.query_pairs().into_owned().collect(),
            content_type: content_type
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default(),
            body: &request.body,
        })
    }

    /// Checks a request before it is sent.
    pub(crate) fn check_call(&self, base: &str, call: &Call) -> Result<(), String> {
        let own = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
        let (content_type, body) = match &call.body {
            Body::None => ("", Vec::new()),
            Body::Json(value) => ("application/json", value.to_string().into_bytes()),
            Body::Form(pairs) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(pairs);
                let form = form.finish().into_bytes();
                ("application/x-www-form-urlencoded", form)
            }
        };
        let method = match call.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
        };
        self.judge(&Asked {
            method,
            path: call.path.strip_prefix(base).unwrap_or(&call.path),
            query: call.query.iter().map(own).collect(),
            content_type,
            body: &body,
        })
    }

    fn judge(&self, asked: &Asked<'_>) -> Result<(), String> {
        let at = format!("{} {}", asked.method, asked.path);
        let operation = self
            .operation(asked.method, asked.path)
            .ok_or_else(|| format!("{at}: no such operation"))?;
        let parameters = self.parameters(&operation);
        let problems = [
            self.path_problems(&operation, &parameters, asked),
            self.query_problems(&parameters, asked),
            self.body_problems(&operation, &parameters, asked),
        ]
        .concat();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(format!("{at}: {}", problems.join("; ")))
        }
    }

    /// The operation with the fewest placeholders that fits.
    fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let paths = self.doc["paths"].as_object()?;
        let fitting = paths
            .iter()
            .filter(|(template, item)| {
                fits(template, path) && item.get(method.to_lowercase()).is_some()
            })
            .min_by_key(|(template, _)| template.matches('{').count());
        let (template, item) = fitting?;
        Some(Operation {
            template,
            item,
            own: &item[method.to_lowercase()],
        })
    }

    fn parameters(&self, operation: &Operation<'_>) -> Vec<Value> {
        let lists = [&operation.item["parameters"], &operation.own["parameters"]];
        let all = lists.into_iter().filter_map(Value::as_array).flatten();
        all.map(|parameter| self.follow(parameter).clone())
            .collect()
    }

    /// The value behind a local reference.
    fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else {
            return value;
        };
        let pointer = reference.trim_start_matches('#');
        self.doc
            .pointer(pointer)
            .unwrap_or_else(|| panic!("the description lacks {reference}"))
    }

    fn path_problems(
        &self,
        operation: &Operation<'_>,
        parameters: &[Value],
        asked: &Asked<'_>,
    ) -> Vec<String> {
        let names = operation.template.split('/').zip(asked.path.split('/'));
        let placed = names
            .filter_map(|(name, value)| Some((name.strip_prefix('{')?.strip_suffix('}')?, value)));
        let problems = placed.filter_map(|(name, value)| {
            let parameter = named(parameters, "path", name)?;
            self.mismatch(&schema_of(parameter), &[value])
                .map(|what| format!("`{name}`: {what}"))
        });
        problems.collect()
    }

    fn query_problems(&self, parameters: &[Value], asked: &Asked<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, _) in &asked.query {
            if named(parameters, "query", name).is_none() {
                problems.push(format!("`{name}` is no query parameter"));
            }
        }
        for parameter in parameters.iter().filter(|p| p["in"] == "query") {
            let name = parameter["name"].as_str().unwrap_or_default();
            let given = asked.query.iter().filter(|(key, _)| key == name);
            let values: Vec<&str> = given.map(|(_, value)| value.as_str()).collect();
            if values.is_empty() {
                if parameter["required"] == true {
                    problems.push(format!("query parameter `{name}` is missing"));
                }
            } else if let Some(what) = self.mismatch(&schema_of(parameter), &values) {
                problems.push(format!("`{name}`: {what}"));
            }
        }
        problems
    }

    fn body_problems(
        &self,
        operation: &Operation<'_>,
        parameters: &[Value],
        asked: &Asked<'_>,
    ) -> Vec<String> {
        let content = self.follow(&operation.own["requestBody"]);
        let in_body = parameters.iter().find(|p| p["in"] == "body");
        let (schema, is_required) = if let Some(parameter) = in_body {
            (parameter["schema"].clone(), parameter["required"] == true)
        } else if let Some(types) = content["content"].as_object() {
            let media = asked.content_type.split(';').next().unwrap_or_default();
            match types.get(media) {
                Some(kind) => (kind["schema"].clone(), content["required"] == true),
                None if asked.body.is_empty() => return Vec::new(),
                None => {
                    return vec![format!("`{media}` is not among {:?}", types.keys())];
                }
            }
        } else if asked.body.is_empty() || parameters.iter().any(|p| p["in"] == "formData") {
            return Vec::new();
        } else {
            return vec!["takes no body".to_owned()];
        };
        if asked.body.is_empty() {
            let missing = is_required.then(|| "the body is missing".to_owned());
            return missing.into_iter().collect();
        }
        let body = if asked.content_type.starts_with("application/json") {
            serde_json::from_slice(asked.body).expect("we send JSON")
        } else {
            let pairs = form_urlencoded::parse(asked.body);
            let pairs = pairs.map(|(name, value)| (name.into_owned(), Value::from(&*value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        self.invalid(&schema, &body, true)
    }

    /// Query and path values are texts: each is tried as text, number and truth value, one alone and all as a list.
    fn mismatch(&self, schema: &Value, values: &[&str]) -> Option<String> {
        let forms = |text: &str| {
            let read = serde_json::from_str::<Value>(text).ok();
            let scalar = read.filter(|value| value.is_number() || value.is_boolean());
            [Some(Value::from(text)), scalar].into_iter().flatten()
        };
        let mut tried: Vec<Value> = Vec::new();
        if let [one] = values {
            tried.extend(forms(one));
            tried.push(one.split(',').map(Value::from).collect());
        }
        tried.push(values.iter().copied().map(Value::from).collect());
        tried.push(values.iter().filter_map(|v| forms(v).last()).collect());
        let fits = tried
            .iter()
            .any(|value| self.invalid(schema, value, false).is_empty());
        (!fits).then(|| format!("{values:?} does not fit {schema}"))
    }

    fn invalid(&self, schema: &Value, value: &Value, is_closed: bool) -> Vec<String> {
        let mut whole = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" });
        whole["allOf"] = json!([schema]);
        for part in ["components", "definitions"] {
            if let Some(all) = self.doc.get(part) {
                whole[part] = all.clone();
            }
        }
        if is_closed && value.is_object() {
            whole["unevaluatedProperties"] = json!(false);
        }
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&whole).expect("the schemas hold");
        let errors = validator.iter_errors(value);
        errors
            .map(|error| format!("body at `{}`: {error}", error.instance_path()))
            .collect()
    }
}

/// True when a path is one of a template.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(t, p)| t == p || (t.starts_with('{') && t.ends_with('}') && !p.is_empty()))
}

fn named<'a>(parameters: &'a [Value], place: &str, name: &str) -> Option<&'a Value> {
    let mut all = parameters.iter();
    all.find(|p| p["in"] == place && p["name"] == name)
}

/// The schema of a parameter; in 2.0 the parameter is its own.
fn schema_of(parameter: &Value) -> Value {
    if let Some(schema) = parameter.get("schema") {
        return schema.clone();
    }
    let mut schema = Map::new();
    for key in [
        "type", "items", "enum", "format", "minimum", "maximum", "pattern",
    ] {
        if let Some(value) = parameter.get(key) {
            schema.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(schema)
}

/// `nullable: true` and `exclusiveMaximum: true`, of 3.0, in the words of JSON Schema.
fn allow_null(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(allow_null),
        Value::Object(map) => {
            map.values_mut().for_each(allow_null);
            for (exclusive, limit) in [
                ("exclusiveMaximum", "maximum"),
                ("exclusiveMinimum", "minimum"),
            ] {
                if map.get(exclusive).is_some_and(Value::is_boolean) {
                    let is_exclusive = map.remove(exclusive) == Some(Value::Bool(true));
                    let limit = is_exclusive.then(|| map.remove(limit)).flatten();
                    map.extend(limit.map(|limit| (exclusive.to_owned(), limit)));
                }
            }
            if map.get("nullable") == Some(&Value::Bool(true)) {
                let mut inner = std::mem::take(map);
                inner.remove("nullable");
                map.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::http::{Http, HttpConfig};

    fn silence() -> Value {
        json!({
            "matchers": [{ "name": "instance", "value": "db-1", "isRegex": false }],
            "startsAt": "2026-01-01T00:00:00.000Z",
            "endsAt": "2026-01-01T01:00:00.000Z",
            "createdBy": "mira",
            "comment": "why",
        })
    }

    #[test]
    fn a_request_is_held_against_the_description() {
        let Some(contract) = Contract::open("alertmanager/openapi.json") else {
            return;
        };
        let check = |call: &Call| contract.check_call("/api/v2", call);
        assert_eq!(check(&Call::post("/api/v2/silences", silence())), Ok(()));
        let filtered = Call::get("/api/v2/alerts").query("active", "true");
        assert_eq!(check(&filtered), Ok(()));
        let refused = [
            Call::get("/api/v2/nothing"),
            Call::get("/api/v2/alerts").query("activ", "true"),
            Call::get("/api/v2/alerts").query("active", "maybe"),
            Call::new(Method::Post, "/api/v2/silences"),
            Call::post("/api/v2/silences", json!({ "comment": "why" })),
            Call::post("/api/v2/silences", {
                let mut body = silence();
                body["commment"] = json!("twice");
                body
            }),
        ];
        for call in refused {
            assert!(check(&call).is_err(), "{call:?}");
        }
    }

    #[tokio::test]
    async fn what_really_goes_out_is_held_against_it_too() {
        let Some(contract) = Contract::open("alertmanager/openapi.json") else {
            return;
        };
        let server = wiremock::MockServer::start().await;
        let http = Http::new(&HttpConfig::new(&server.uri())).expect("a client");
        for call in [
            Call::post("/api/v2/silences", silence()),
            Call::get("/api/v2/silence/1"),
        ] {
            http.call(&call).await.expect_err("the mock knows nothing");
        }
        let received = server.received_requests().await.expect("recorded");
        let checked = received
            .iter()
            .map(|r| contract.check("/api/v2", r).is_ok());
        // The second id is no UUID.
        assert_eq!(checked.collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn every_description_can_be_used() {
        let Some(folder) = super::super::folder() else {
            return;
        };
        let mut seen = 0;
        for file in [
            "alertmanager/openapi.json",
            "prometheus/openapi.json",
            "opsgenie/swagger.json",
            "netbox/openapi.json",
            "backstage/openapi.json",
            "datadog/openapi-v1.json",
            "grafana/swagger.json",
        ] {
            assert!(folder.join(file).is_file(), "{file}");
            let contract = Contract::open(file).expect("there");
            let paths = contract.doc["paths"].as_object().expect("paths");
            seen += paths.len();
        }
        assert!(seen > 50, "{seen}");
    }
}
