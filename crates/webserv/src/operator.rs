//! A server whose site comes from a file: read again on SIGHUP, and when the file changes if it
//! says so.

use std::future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use futures_lite::future::or;
use kevent::NoteVnode;
use kevent_async::{FileWatch, sleep};

use crate::config;
use crate::limits::CHANGE_SETTLES;
use crate::log::error::ErrorLogger;
use crate::server::Handle;
use crate::signals::Operator;
use crate::site::Site;

/// Reads a configuration again when it is told to.
#[derive(Debug)]
pub struct Configured {
    path: PathBuf,
    /// The text that was read last.
    text: Option<Vec<u8>>,
    logger: ErrorLogger,
    is_watching: bool,
    watch: Option<Watch>,
    /// Something has happened that has not been looked at.
    is_dirty: bool,
}

/// The file and its directory: an editor writes into the file or renames another over it.
#[derive(Debug)]
struct Watch {
    file: Option<FileWatch<OwnedFd>>,
    directory: FileWatch<OwnedFd>,
}

impl Watch {
    fn open(path: &Path) -> io::Result<Self> {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        Ok(Watch {
            directory: FileWatch::open(directory, NoteVnode::WRITE)?,
            file: FileWatch::open(path, NoteVnode::WRITE).ok(),
        })
    }

    async fn changed(&self) {
        let in_file = async {
            match &self.file {
                Some(file) => file.changed().await,
                None => future::pending().await,
            }
        };
        or(in_file, self.directory.changed()).await;
    }
}

impl Configured {
    /// The operator of a server that serves `site`, which was read from `path`.
    #[must_use]
    pub fn new(path: PathBuf, site: &Site, logger: ErrorLogger) -> Self {
        Configured {
            text: std::fs::read(&path).ok(),
            path,
            logger,
            is_watching: site.is_reloaded_on_change,
            watch: None,
            is_dirty: false,
        }
    }
}

impl Operator for Configured {
    fn reload(&mut self, server: &Handle) {
        self.text = std::fs::read(&self.path).ok();
        let site = match config::load(&self.path) {
            Ok(site) => site,
            Err(unusable) => {
                tracing::error!("the configuration stays as it was: it cannot be used");
                for line in unusable.to_string().lines() {
                    tracing::error!("{line}");
                }
                return;
            }
        };
        let is_watching = site.is_reloaded_on_change;
        let level = site.log.error.level;
        match server.reload(site) {
            Ok(()) => {
                self.is_watching = is_watching;
                self.logger.set_level(level);
                tracing::info!("the configuration was read again");
            }
            Err(error) => tracing::error!("the configuration stays as it was: {error}"),
        }
    }

    fn reopen_logs(&mut self, server: &Handle) {
        server.reopen_logs();
        match self.logger.reopen() {
            Ok(()) => tracing::info!("the logs were opened anew"),
            Err(error) => tracing::error!("{error}"),
        }
    }

    async fn changed(&mut self) {
        if !self.is_watching {
            self.watch = None;
            return future::pending().await;
        }
        loop {
            let watch = match &self.watch {
                Some(watch) => watch,
                None => match Watch::open(&self.path) {
                    // What happened before it was watched has to be looked at.
                    Ok(watch) => {
                        self.is_dirty = true;
                        self.watch.insert(watch)
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the configuration cannot be watched");
                        return future::pending().await;
                    }
                },
            };
            if !self.is_dirty {
                watch.changed().await;
                self.is_dirty = true;
            }
            // A writer may not be finished.
            sleep(CHANGE_SETTLES).await;
            self.is_dirty = false;
            let text = std::fs::read(&self.path).ok();
            if text.is_some() && text != self.text {
                // The name may lead to another file now.
                self.watch = None;
                return;
            }
            let file = FileWatch::open(&self.path, NoteVnode::WRITE).ok();
            if let Some(watch) = &mut self.watch
                && !is_same(watch.file.as_ref(), file.as_ref())
            {
                watch.file = file;
                self.is_dirty = true;
            }
        }
    }
}

fn is_same(old: Option<&FileWatch<OwnedFd>>, new: Option<&FileWatch<OwnedFd>>) -> bool {
    let identity = |watch: &FileWatch<OwnedFd>| {
        let stat = rustix::fs::fstat(watch.get_ref()).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    old.and_then(identity) == new.and_then(identity)
}
