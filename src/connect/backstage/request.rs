//! Which entities are asked for.

use super::config::BackstageConfig;
use crate::connect::http::Call;

/// Entities of one page: a few megabytes at most with the fields that are asked for.
pub(super) const PAGE: usize = 500;

/// Parts of an entity that are used; the definition of an API alone may take megabytes.
const FIELDS: &str = "apiVersion,kind,metadata.name,metadata.namespace,metadata.title,metadata.description,\
    metadata.labels,metadata.annotations,metadata.tags,metadata.links,spec.type,spec.lifecycle,spec.owner,spec.system,\
    relations";

/// Filters of one set each; any of the sets: `kind=Component,metadata.tags=payments`.
fn filters(config: &BackstageConfig) -> Vec<String> {
    let mut filters = Vec::new();
    for kind in &config.kinds {
        if config.filter.is_empty() {
            filters.push(format!("kind={kind}"));
        }
        for filter in &config.filter {
            filters.push(format!("kind={kind},{}", filter.trim()));
        }
    }
    filters
}

/// The first page, or the one that a cursor points to. A cursor holds the filters itself.
pub(super) fn page(config: &BackstageConfig, cursor: Option<&str>) -> Call {
    let mut call = Call::get("/api/catalog/entities/by-query")
        .query("limit", PAGE.to_string())
        .query("fields", FIELDS);
    match cursor {
        Some(cursor) => call = call.query("cursor", cursor),
        None => {
            for filter in filters(config) {
                call = call.query("filter", filter);
            }
        }
    }
    call
}

/// How many entities of each kind there are.
pub(super) fn facets(config: &BackstageConfig) -> Call {
    let mut call = Call::get("/api/catalog/entity-facets").query("facet", "kind");
    for filter in filters(config) {
        call = call.query("filter", filter);
    }
    call
}
