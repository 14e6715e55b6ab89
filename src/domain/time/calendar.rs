//! Reading the one form of time that this program writes, without the calendar library: a long journal has hundreds
//! of thousands of them. It only ever says "this is that time" or "I do not know"; then the library decides.

use super::Timestamp;

/// Reads `YYYY-MM-DDTHH:MM:SS.mmmZ` of the years 1970 to 9998; the edges of the calendar are left to the library.
pub(super) fn parse(text: &[u8]) -> Option<Timestamp> {
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        mo0,
        mo1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        mi0,
        mi1,
        b':',
        s0,
        s1,
        b'.',
        m0,
        m1,
        m2,
        b'Z',
    ] = text
    else {
        return None;
    };
    let number = |digits: &[&u8]| {
        digits.iter().try_fold(0_i64, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + i64::from(**digit - b'0'))
        })
    };
    let (year, month, day) = (
        number(&[y0, y1, y2, y3])?,
        number(&[mo0, mo1])?,
        number(&[d0, d1])?,
    );
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[mi0, mi1])?, number(&[s0, s1])?);
    let fits = (1970..=9998).contains(&year)
        && (1..=days_in_month(year, month)?).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = days_since_1970(year, month, day);
    let millis =
        ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + number(&[m0, m1, m2])?;
    fits.then(|| Timestamp::from_millis(millis))
}

fn days_in_month(year: i64, month: i64) -> Option<i64> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => Some(29),
        2 => Some(28),
        _ => None,
    }
}

/// Days of the Gregorian calendar. The year is taken to begin in March, which puts the leap day at its end.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    /// Days from 1 March of the year 0 to 1 January 1970.
    const EPOCH: i64 = 719_468;
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    // Months from March on have 31, 30, 31, 30, 31 days, again and again: 153 in five.
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_readings_agree_on_times(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9].[0-9]{3}Z") {
            if let Some(fast) = parse(text.as_bytes()) {
                prop_assert_eq!(fast.to_string(), text.clone());
                let library: jiff::Timestamp = text.parse().expect("a time");
                prop_assert_eq!(library.as_millisecond(), fast.as_millis());
            }
        }

        #[test]
        fn every_time_that_is_written_is_read(ms in 0_i64..253_000_000_000_000) {
            let written = Timestamp::from_millis(ms);
            prop_assert_eq!(parse(written.to_string().as_bytes()), Some(written));
        }
    }
}
