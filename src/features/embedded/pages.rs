//! A store file as redb reads it: never changed, and every block that is read again must be what it was.
//!
//! What redb writes of its own accord while it opens and checks a file is kept in memory. The checksum of a block is taken
//! when it is first read, which for a checked file is while redb compares the whole of it with redb's own checksums.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::resume_unwind;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU32, Ordering};

use redb::StorageBackend;

/// The smallest page of redb.
const BLOCK: usize = 4096;

type Block = [u8; BLOCK];

/// What unwinds through redb when a block cannot be read. An error would make redb refuse every later read of the file,
/// also of what is whole.
pub(super) struct BadBlock(pub(super) String);

/// A file under a layer of changes in memory.
#[derive(Debug)]
pub(super) struct Pages {
    file: File,
    /// Its length in bytes.
    len: u64,
    /// One per block of the file; 0 where it has not been read yet.
    checksums: Vec<AtomicU32>,
    layer: RwLock<Layer>,
}

#[derive(Debug)]
struct Layer {
    len: u64,
    /// As much of the file as still counts.
    visible: u64,
    changed: HashMap<u64, Box<Block>>,
}

impl Pages {
    pub(super) fn over(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let checksums = (0..len.div_ceil(BLOCK as u64)).map(|_| AtomicU32::new(0)).collect();
        let layer = RwLock::new(Layer { len, visible: len, changed: HashMap::new() });
        Ok(Self { file, len, checksums, layer })
    }

    /// Fills `out` from whole blocks of the file, the first of which is `first`.
    fn read_blocks(&self, first: u64, out: &mut [u8]) {
        let read = self.file.read_exact_at(out, first * BLOCK as u64);
        read.unwrap_or_else(|error| bad(first, &error.to_string()));
        for (at, block) in (first..).zip(out.chunks(BLOCK)) {
            // 0 stands for unread.
            let found = crc32fast::hash(block).max(1);
            let known = usize::try_from(at).ok().and_then(|at| self.checksums.get(at));
            let before = known.map_or(0, |known| {
                known
                    .compare_exchange(0, found, Ordering::Relaxed, Ordering::Relaxed)
                    .unwrap_or_else(|known| known)
            });
            if before != 0 && before != found {
                bad(at, "it has changed since it was checked");
            }
        }
    }

    fn block(&self, layer: &Layer, at: u64) -> Block {
        if let Some(changed) = layer.changed.get(&at) {
            return **changed;
        }
        let mut block = [0; BLOCK];
        let start = at * BLOCK as u64;
        let of_file = self.len.saturating_sub(start).min(BLOCK as u64) as usize;
        if start < layer.visible {
            self.read_blocks(at, &mut block[..of_file]);
            block[usize::min(BLOCK, (layer.visible - start) as usize)..].fill(0);
        }
        block
    }
}

fn bad(block: u64, what: &str) -> ! {
    resume_unwind(Box::new(BadBlock(format!("the {BLOCK} bytes from {}: {what}", block * BLOCK as u64))))
}

/// Each block that `len` bytes from `offset` touch: its number, where it begins among those bytes and the part of it.
fn touched(offset: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = offset + done as u64;
        let start = (at % BLOCK as u64) as usize;
        let count = usize::min(BLOCK - start, len - done);
        let part = (at / BLOCK as u64, start..start + count, done);
        done += count;
        Some(part)
    })
}

impl StorageBackend for Pages {
    fn len(&self) -> io::Result<u64> {
        Ok(self.layer.read().map_err(poisoned)?.len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let layer = self.layer.read().map_err(poisoned)?;
        let end = offset + out.len() as u64;
        if end > layer.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (first, last) = (offset / BLOCK as u64, end.div_ceil(BLOCK as u64));
        let is_whole = offset.is_multiple_of(BLOCK as u64) && end.is_multiple_of(BLOCK as u64);
        if is_whole && end <= layer.visible && !(first..last).any(|at| layer.changed.contains_key(&at)) {
            drop(layer);
            self.read_blocks(first, out);
            return Ok(());
        }
        for (at, part, done) in touched(offset, out.len()) {
            let count = part.len();
            out[done..done + count].copy_from_slice(&self.block(&layer, at)[part]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut layer = self.layer.write().map_err(poisoned)?;
        layer.len = len;
        layer.visible = layer.visible.min(len);
        layer.changed.retain(|at, block| {
            let start = at * BLOCK as u64;
            block[usize::min(BLOCK, len.saturating_sub(start) as usize)..].fill(0);
            start < len
        });
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut layer = self.layer.write().map_err(poisoned)?;
        for (at, part, done) in touched(offset, data.len()) {
            let mut block = self.block(&layer, at);
            let count = part.len();
            block[part].copy_from_slice(&data[done..done + count]);
            layer.changed.insert(at, Box::new(block));
        }
        Ok(())
    }
}

fn poisoned<T>(_: T) -> io::Error {
    io::Error::other("a write of redb's was broken off")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn over(content: &[u8]) -> (Pages, File) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let same = file.try_clone().unwrap();
        (Pages::over(file).unwrap(), same)
    }

    fn read(pages: &Pages, offset: u64, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        pages.read(offset, &mut out).unwrap();
        out
    }

    #[test]
    fn changes_stay_in_memory() {
        let content: Vec<u8> = (0..3 * BLOCK + 100).map(|at| (at % 251) as u8).collect();
        let (pages, file) = over(&content);
        let mut expected = content.clone();
        for (offset, data) in
            [(10, vec![1; 20]), (BLOCK - 3, vec![2; BLOCK + 6]), (3 * BLOCK + 90, vec![3; 10])]
        {
            pages.write(offset as u64, &data).unwrap();
            expected[offset..offset + data.len()].copy_from_slice(&data);
            assert_eq!(read(&pages, 0, expected.len()), expected);
            assert_eq!(read(&pages, 5, 2 * BLOCK), expected[5..5 + 2 * BLOCK]);
        }
        pages.set_len(BLOCK as u64 + 7).unwrap();
        pages.set_len(4 * BLOCK as u64).unwrap();
        expected.truncate(BLOCK + 7);
        expected.resize(4 * BLOCK, 0);
        assert_eq!(read(&pages, 0, expected.len()), expected);
        assert!(pages.read(4 * BLOCK as u64 - 1, &mut [0; 2]).is_err());
        let mut untouched = vec![0; content.len()];
        file.read_exact_at(&mut untouched, 0).unwrap();
        assert_eq!(untouched, content);
    }

    #[test]
    fn a_block_that_changes_is_bad_and_the_others_are_not() {
        let (pages, file) = over(&[7; 2 * BLOCK]);
        let whole = || read(&pages, 0, 2 * BLOCK);
        assert_eq!(whole(), [7; 2 * BLOCK]);
        file.write_all_at(&[6], 5000).unwrap();
        let payload = catch_unwind(AssertUnwindSafe(whole)).unwrap_err();
        let bad = payload.downcast::<BadBlock>().unwrap_or_else(|_| panic!("another panic"));
        assert_eq!(bad.0, "the 4096 bytes from 4096: it has changed since it was checked");
        assert_eq!(read(&pages, 0, BLOCK), [7; BLOCK]);
        file.write_all_at(&[7], 5000).unwrap();
        assert_eq!(whole(), [7; 2 * BLOCK], "also when it is well again");
    }
}
