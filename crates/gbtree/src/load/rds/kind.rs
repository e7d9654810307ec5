//! Type codes of R's `Rinternals.h` and `serialize.c`.

/// The type in an item's flags.
pub(super) fn of(flags: i32) -> u8 {
    flags.to_le_bytes()[0]
}

pub(super) const SYMBOL: u8 = 1;
pub(super) const PAIRS: u8 = 2;
pub(super) const CLOSURE: u8 = 3;
pub(super) const ENVIRONMENT: u8 = 4;
pub(super) const PROMISE: u8 = 5;
pub(super) const CALL: u8 = 6;
pub(super) const SPECIAL: u8 = 7;
pub(super) const BUILTIN: u8 = 8;
pub(super) const LETTERS: u8 = 9;
pub(super) const LOGICALS: u8 = 10;
pub(super) const INTEGERS: u8 = 13;
pub(super) const REALS: u8 = 14;
pub(super) const COMPLEX: u8 = 15;
pub(super) const STRINGS: u8 = 16;
pub(super) const DOTS: u8 = 17;
pub(super) const LIST: u8 = 19;
pub(super) const EXPRESSIONS: u8 = 20;
pub(super) const BYTECODE: u8 = 21;
pub(super) const POINTER: u8 = 22;
pub(super) const WEAK: u8 = 23;
pub(super) const RAW: u8 = 24;
pub(super) const S4: u8 = 25;
pub(super) const ALTERNATIVE: u8 = 238;
pub(super) const PAIRS_WITH_ATTRIBUTES: u8 = 239;
pub(super) const CALL_WITH_ATTRIBUTES: u8 = 240;
pub(super) const CODE_REFERENCE: u8 = 243;
pub(super) const CODE_DEFINITION: u8 = 244;
pub(super) const PERSISTENT: u8 = 247;
pub(super) const PACKAGE: u8 = 248;
pub(super) const NAMESPACE: u8 = 249;
pub(super) const REFERENCE: u8 = 255;
