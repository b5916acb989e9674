//! `Token`: a slot's index and generation, as they travel in `udata`.

/// Names one use of one slot. It fits into `udata`: half of the word for each part, except that
/// 32-bit systems give the index 20 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(usize);

const INDEX_BITS: u32 = if usize::BITS >= 64 { 32 } else { 20 };
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;

impl Token {
    /// How many slots can be told apart.
    pub(crate) const INDEX_COUNT: usize = INDEX_MASK;

    /// No slot's token: its index is never given away.
    pub(crate) const NONE: Self = Self(INDEX_MASK);

    /// The token of `index`, at its use number `generation` (of which the low bits count).
    pub(crate) const fn new(index: usize, generation: usize) -> Self {
        Self((generation << INDEX_BITS) | (index & INDEX_MASK))
    }

    pub(crate) const fn from_udata(udata: usize) -> Self {
        Self(udata)
    }

    pub(crate) const fn udata(self) -> usize {
        self.0
    }

    pub(crate) const fn index(self) -> usize {
        self.0 & INDEX_MASK
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn generations_tell_uses_of_one_slot_apart() {
        let first = Token::new(7, 1);
        let second = Token::new(7, 2);
        assert_ne!(first, second);
        assert_eq!(first.index(), second.index());
        assert_eq!(Token::from_udata(first.udata()), first);
    }

    #[test]
    fn no_slot_has_the_token_none() {
        assert_eq!(Token::NONE.index(), Token::INDEX_COUNT);
    }
}
