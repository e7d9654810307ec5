use crate::LoadError;

/// Memory that decoding may still take. Charged before each allocation that input controls.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    left: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, left: limit }
    }

    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), LoadError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(LoadError::TooLarge { limit: self.limit }),
        }
    }

    /// Charges for `count` values of type `T`.
    pub(crate) fn charge_for<T>(&mut self, count: usize) -> Result<(), LoadError> {
        self.charge(count.saturating_mul(size_of::<T>()))
    }

    /// Takes back what was charged since so much was left: it was memory for a while only.
    pub(crate) fn refund_to(&mut self, left: usize) {
        self.left = self.left.max(left);
    }

    pub(crate) fn left(&self) -> usize {
        self.left
    }
}
