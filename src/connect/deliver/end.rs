//! Ends of what nobody knows the reference of: it is found by the marker of the write that may have made it.

use super::{Parcel, order};
use crate::connect::connector::{Order, WriteError, Writer};
use crate::domain::time::Moment;
use crate::domain::write::{Deed, Outcome};

/// The write that may have made what is to be ended, where only its marker is known.
fn unnamed(parcel: &Parcel) -> Option<&Parcel> {
    let is_unnamed = matches!(&parcel.deed, Deed::Unmute { reference } if reference.is_empty());
    parcel.of.as_deref().filter(|_| is_unnamed)
}

/// Carries a write out.
pub(super) async fn write(
    writer: &mut dyn Writer,
    parcel: &Parcel,
    now: Moment,
) -> Result<Outcome, WriteError> {
    let Some(of) = unnamed(parcel) else {
        return writer.write(&order(parcel), now).await;
    };
    let found = writer.find(&order(of), now).await;
    // Only looked so far: nothing was changed by it.
    let found = found.map_err(|error| WriteError {
        unclear: false,
        ..error
    })?;
    match named(found) {
        None => Ok(nothing()),
        Some(deed) => writer.write(&with(parcel, &deed), now).await,
    }
}

/// Looks what became of a write.
pub(super) async fn find(
    writer: &mut dyn Writer,
    parcel: &Parcel,
    now: Moment,
) -> Result<Option<Outcome>, WriteError> {
    let Some(of) = unnamed(parcel) else {
        return writer.find(&order(parcel), now).await;
    };
    match named(writer.find(&order(of), now).await?) {
        None => Ok(Some(nothing())),
        Some(deed) => writer.find(&with(parcel, &deed), now).await,
    }
}

/// The end of what was found.
fn named(found: Option<Outcome>) -> Option<Deed> {
    let reference = found?.reference().to_owned();
    (!reference.is_empty()).then_some(Deed::Unmute { reference })
}

fn with<'a>(parcel: &'a Parcel, deed: &'a Deed) -> Order<'a> {
    Order {
        deed,
        ..order(parcel)
    }
}

fn nothing() -> Outcome {
    Outcome::Done {
        reference: String::new(),
        proof: "looked for by its marker: nothing of it is there".to_owned(),
    }
}
