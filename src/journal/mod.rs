//! The append-only, hash-chained record of a session.
//!
//! A journal is a file of records; each header names the SHA-256 of the header before it and of its own body, so
//! that `sha256sum` alone can check it (`assets/verify-journal.sh`). A record is durable before anybody is told
//! of it. The journal knows a fact only as a kind and body bytes; what they mean is decided elsewhere.
//!
//! Way of a record: [`seal`] -> [`Writer::submit`] -> one write and one `fdatasync` for all that wait -> reply.
//! Way back: [`open`] reads and checks all records, sets a torn tail aside and gives what [`Writer::start`] needs;
//! [`Reader`] and [`verify_file`] read without writing; [`Log::read`] gets one old record.
//!
//! Source: `TWO_PERSON` 5.5 and 8.2.

mod codec;
mod error;
mod fact_json;
pub mod facts;
mod header;
mod index;
mod lock;
mod reader;
mod record;
mod recover;
mod storage;
#[cfg(test)]
mod tests;
mod verify;
mod version;
mod writer;

pub use codec::{BODY_BYTES_MAX, HEADER_BYTES_MAX};
pub use error::{AppendError, Damage, Flaw, JournalError, LinkError, ReadError, RecordError};
pub use index::Log;
pub use lock::{JOURNAL_FILE, SessionDir, TORN_FILE};
pub use reader::{Entry, JOURNAL_BYTES_MAX, Reader};
pub use record::{Chain, Content, Header, Record, Stamp, seal};
pub use recover::{Opened, TORN_BYTES_MAX, TornTail, open};
pub use storage::{FileStorage, Storage};
pub use verify::{Report, verify_dir, verify_file};
pub use version::FORMAT;
pub use writer::{
    APPEND_BYTES_MAX, Appended, Pending, QUEUE_MAX, RESERVE_BYTES, Reserve, Space, Writer,
};
