//! Numbers in decimal digits, compared by all of them.

use std::cmp::Ordering;

/// Returns the float that is nearest to a number in decimal digits. `inf` and `nan` are none.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok().filter(|text| text.bytes().any(|b| b.is_ascii_digit()))?.parse().ok()
}

/// A number in decimal digits, read where it stands.
#[derive(Clone, Copy)]
pub(super) struct Decimal<'a> {
    negative: bool,
    /// The digits before the point and after it; together they begin with the first that is no zero.
    digits: [&'a [u8]; 2],
    /// The power of ten of what stands before that digit: 0 for `0.5`, 1 for `5`.
    power: i64,
}

impl<'a> Decimal<'a> {
    /// Reads a text that [`number`] has accepted.
    pub fn read(text: &'a [u8]) -> Decimal<'a> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let end = text.iter().position(|b| matches!(b, b'e' | b'E'));
        let (mantissa, exponent) = end.map_or((text, &b"0"[..]), |at| (&text[..at], &text[at + 1..]));
        let point = mantissa.iter().position(|b| *b == b'.');
        let (whole, fraction) = point.map_or((mantissa, &b""[..]), |at| (&mantissa[..at], &mantissa[at + 1..]));
        let zeros = |digits: &[u8]| digits.iter().take_while(|digit| **digit == b'0').count();
        let whole = &whole[zeros(whole)..];
        let skipped = if whole.is_empty() { zeros(fraction) } else { 0 };
        let power = power(exponent).saturating_add(whole.len() as i64 - skipped as i64);
        Decimal { negative, digits: [whole, &fraction[skipped..]], power }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.digits[0].iter().chain(self.digits[1]).copied()
    }

    /// Returns true if it has no digits but zeros after the point.
    pub fn is_whole(&self) -> bool {
        let whole = usize::try_from(self.power).unwrap_or(0);
        self.digits().skip(whole).all(|digit| digit == b'0')
    }

    /// Returns the number of its digits, without zeros before the first.
    pub fn len(&self) -> usize {
        self.digits.iter().map(|digits| digits.len()).sum()
    }

    fn is_zero(&self) -> bool {
        self.digits.iter().all(|digits| digits.is_empty())
    }

    /// Compares two numbers by their values.
    pub fn cmp(&self, other: &Decimal<'_>) -> Ordering {
        let sign = |number: &Decimal<'_>| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        let (own, others) = (sign(self), sign(other));
        if own != others || own == 0 {
            return own.cmp(&others);
        }
        // A digit too few is a zero.
        let (mut a, mut b) = (self.digits(), other.digits());
        let digits = || loop {
            match (a.next(), b.next()) {
                (None, None) => return Ordering::Equal,
                (a, b) => match a.unwrap_or(b'0').cmp(&b.unwrap_or(b'0')) {
                    Ordering::Equal => {}
                    order => return order,
                },
            }
        };
        let size = self.power.cmp(&other.power).then_with(digits);
        if own < 0 { size.reverse() } else { size }
    }
}

/// Reads an exponent; beyond all numbers that are written it is the greatest there is.
fn power(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let power = digits.iter().fold(0i64, |power, digit| power.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    // Half of what fits, so that the digits before the point can be added.
    let power = power.min(i64::MAX / 2);
    if negative { -power } else { power }
}
