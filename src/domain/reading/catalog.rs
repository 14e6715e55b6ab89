//! Readings of a CMDB: components.

use serde::{Deserialize, Serialize};

/// A configuration item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Unique name.
    pub name: String,
    /// `database`, `vm`, `device`, `service`, or empty.
    pub kind: String,
    /// What it does: `orders-db`, or empty.
    pub role: String,
    /// Team or person.
    pub owner: String,
    /// Service tier, or empty.
    pub tier: String,
    /// `prod`, `staging`, or empty.
    pub environment: String,
    /// Site, or empty.
    pub site: String,
    /// `active`, `planned`, or the vendor's word.
    pub status: String,
    /// Primary address, or empty.
    pub address: String,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Pages about it.
    pub links: Vec<Link>,
    /// Whatever else the source knows, by its own field names, sorted: custom fields, annotations.
    pub fields: Vec<(String, String)>,
    /// Names of components this one needs.
    pub depends_on: Vec<String>,
}

/// A page about something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What is there, or empty.
    pub title: String,
    /// Where.
    pub url: String,
}
