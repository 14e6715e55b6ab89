//! What the writer needs of a file, small enough for a test to stand in for a failing disk.

use rustix::fs::FallocateFlags;
use std::fs::File;
use std::io::{self, Write};

/// A file that is only written at its end.
pub trait Storage: Write + Send {
    /// Makes what was written, and the file's length, survive a loss of power.
    ///
    /// # Errors
    /// When the system reports that it could not; what was written since the last sync may be lost then.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file. Blocks that were set aside behind its end are given back.
    ///
    /// # Errors
    /// When the system refuses.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Sets blocks aside so that the file can grow from `from` to `to` bytes; its length stays as it is.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] and [`io::ErrorKind::QuotaExceeded`] when there are not enough blocks;
    /// [`io::ErrorKind::Unsupported`] when the file system cannot set blocks aside.
    fn allocate(&mut self, from: u64, to: u64) -> io::Result<()>;
}

/// A file that was opened for appending.
#[derive(Debug)]
pub struct FileStorage(File);

impl FileStorage {
    /// Takes a file opened with `O_APPEND`, so that it is written at its end after a cut as well.
    pub const fn new(file: File) -> Self {
        Self(file)
    }
}

impl Write for FileStorage {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for FileStorage {
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&mut self, from: u64, to: u64) -> io::Result<()> {
        let len = to.saturating_sub(from);
        rustix::fs::fallocate(&self.0, FallocateFlags::KEEP_SIZE, from, len)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn allocation_keeps_the_length_and_a_cut_gives_blocks_back() {
        let file = tempfile::tempfile().expect("temp file");
        let meta = file.try_clone().expect("second handle");
        let mut storage = FileStorage::new(file);
        storage.write_all(b"12345").expect("written");
        if let Err(error) = storage.allocate(5, 1 << 20) {
            assert_eq!(error.kind(), io::ErrorKind::Unsupported);
            return;
        }
        let after = meta.metadata().expect("metadata");
        assert_eq!(after.len(), 5);
        assert!(after.blocks() * 512 >= 1 << 20);
        storage.set_len(5).expect("cut");
        assert!(meta.metadata().expect("metadata").blocks() * 512 < 1 << 20);
    }
}
