//! The distinct questions of a forest, counted off in one pass: far fewer than its splits.

/// A hash table of open addresses: what a subject is asked, numbered as first seen.
pub(super) struct Interner {
    /// Indices into `questions`, plus one; 0 is free.
    slots: Vec<u32>,
    /// Subject and threshold.
    questions: Vec<(u32, u32)>,
}

impl Interner {
    pub(super) fn new() -> Self {
        Self { slots: vec![0; 1024], questions: Vec::new() }
    }

    /// All questions, in the order of their numbers.
    pub(super) fn questions(&self) -> &[(u32, u32)] {
        &self.questions
    }

    /// The number of the question.
    #[inline]
    pub(super) fn intern(&mut self, subject: u32, threshold: u32) -> u32 {
        let mut slot = self.slot(subject, threshold);
        loop {
            match self.slots[slot] {
                0 => return self.insert(slot, subject, threshold),
                taken if self.questions[taken as usize - 1] == (subject, threshold) => return taken - 1,
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Fibonacci hashing (Knuth, The Art of Computer Programming, 6.4).
    #[inline]
    fn slot(&self, subject: u32, threshold: u32) -> usize {
        let key = u64::from(subject) << 32 | u64::from(threshold);
        let mixed = (key ^ key >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (64 - self.slots.len().ilog2())) as usize
    }

    #[inline(never)]
    fn insert(&mut self, slot: usize, subject: u32, threshold: u32) -> u32 {
        self.questions.push((subject, threshold));
        self.slots[slot] = self.questions.len() as u32;
        if self.questions.len() * 2 > self.slots.len() {
            self.slots = vec![0; self.slots.len() * 4];
            for (number, &(subject, threshold)) in (1..).zip(&self.questions) {
                let mut slot = self.slot(subject, threshold);
                while self.slots[slot] != 0 {
                    slot = (slot + 1) & (self.slots.len() - 1);
                }
                self.slots[slot] = number;
            }
        }
        self.questions.len() as u32 - 1
    }
}
