//! Enforced mode: the small program that holds the credentials and believes nobody (`TWO_PERSON` 4.6).
//!
//! Must not know the session server: it judges a ticket by itself, from the files of root alone.
//!
//! - what comes in: [`ticket`], [`back`] (ways back), [`frame`] (the wire), [`said`] (statements), [`plan`];
//! - what decides: [`law`] (the files of root), [`judge`];
//! - what happens: [`name`], [`spend`], [`stage`] and [`seal`] (the child that becomes the command), [`group`], [`secret`],
//!   [`scrub`], `follow`, [`result`];
//! - who holds it together: [`serve`]; [`client`] is the other end, for session servers.

pub mod back;
pub mod client;
mod follow;
pub mod frame;
pub mod group;
pub mod judge;
mod launch;
pub mod law;
pub mod name;
mod order;
mod parts;
pub mod plan;
pub mod result;
mod run;
pub mod said;
pub mod scrub;
pub mod seal;
pub mod secret;
pub mod serve;
pub mod spend;
pub mod stage;
pub mod ticket;

pub use parts::PartsFault;
