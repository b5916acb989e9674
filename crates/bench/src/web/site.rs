//! What the servers serve, and where their configurations and logs go: a directory that goes away
//! again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory with `www` and `log`.
pub(crate) struct Site(PathBuf);

impl Site {
    /// With these files, by name and size.
    pub(crate) fn new(files: &[(&str, usize)]) -> io::Result<Self> {
        // Beneath the program, and not in /tmp, which may be memory: files are served from a disk
        // and its cache. The number is for tests, which make several in one process.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let program = std::env::current_exe()?;
        let place = program.parent().unwrap_or(Path::new("."));
        let site = Self(place.join(format!("bench-site-{}-{number}", std::process::id())));
        fs::create_dir_all(site.root())?;
        fs::create_dir_all(site.path("log"))?;
        for (name, bytes) in files {
            write_file(&site.root().join(name), *bytes)?;
        }
        Ok(site)
    }

    /// The directory that is served.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("www")
    }

    /// Something beside it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What cannot be removed lies in cargo's target directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write_file(path: &Path, bytes: usize) -> io::Result<()> {
    const BLOCK: usize = 1 << 20;
    let mut file = File::create(path)?;
    let block: Vec<u8> = (b'a'..=b'z').cycle().take(BLOCK.min(bytes)).collect();
    let mut left = bytes;
    while left > 0 {
        let count = left.min(block.len());
        file.write_all(block.get(..count).unwrap_or_default())?;
        left -= count;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_their_sizes_and_the_site_goes_away() {
        let site = Site::new(&[("a", 3), ("b", (1 << 20) + 1)]).unwrap();
        let root = site.root();
        assert_eq!(fs::metadata(root.join("a")).unwrap().len(), 3);
        assert_eq!(fs::metadata(root.join("b")).unwrap().len(), (1 << 20) + 1);
        drop(site);
        assert!(!root.exists());
    }
}
