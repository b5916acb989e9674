//! Watched files: nothing since the beginning is missed, and nothing of a former watch is seen.

mod fixture;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use fixture::run;
use futures_lite::future::poll_once;
use kevent::NoteVnode;
use kevent_async::{FileWatch, spawn, yield_now};
use tempfile::{NamedTempFile, tempdir};

/// Waits until all of these have come.
async fn await_notes(watch: &FileWatch<impl std::os::fd::AsFd>, wanted: NoteVnode) {
    let mut seen = NoteVnode::empty();
    while !seen.contains(wanted) {
        seen |= watch.changed().await;
    }
}

#[test]
fn what_happened_before_the_first_wait_is_told() {
    run(|| async {
        let mut file = NamedTempFile::new()?;
        let watch = FileWatch::open(file.path(), NoteVnode::WRITE)?;
        file.write_all(b"hello")?;
        await_notes(&watch, NoteVnode::WRITE).await;
        assert!(poll_once(watch.changed()).await.is_none());
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_waiting_task_is_woken_by_another_thread() {
    run(|| async {
        let mut file = NamedTempFile::new()?;
        let watch = FileWatch::new(file.reopen()?, NoteVnode::WRITE)?;
        let waiting = spawn(async move { watch.changed().await });
        yield_now().await;
        let writer = thread::spawn(move || file.write_all(b"hello").map(|()| file));
        assert!(waiting.await.contains(NoteVnode::WRITE));
        writer.join().unwrap()?;
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn the_watch_goes_on_after_a_rename_and_a_removal() {
    run(|| async {
        let directory = tempdir()?;
        let (old, new) = (directory.path().join("old"), directory.path().join("new"));
        File::create(&old)?;
        let notes = NoteVnode::RENAME | NoteVnode::DELETE | NoteVnode::WRITE;
        let watch = FileWatch::open(&old, notes)?;
        let mut writer = File::options().append(true).open(&old)?;
        fs::rename(&old, &new)?;
        await_notes(&watch, NoteVnode::RENAME).await;
        fs::remove_file(&new)?;
        await_notes(&watch, NoteVnode::DELETE).await;
        writer.write_all(b"still open")?;
        await_notes(&watch, NoteVnode::WRITE).await;
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_directory_tells_of_its_names() {
    run(|| async {
        let directory = tempdir()?;
        let watch = FileWatch::open(directory.path(), NoteVnode::WRITE)?;
        for number in 0..10 {
            File::create(directory.path().join(number.to_string()))?;
            await_notes(&watch, NoteVnode::WRITE).await;
        }
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn two_watches_of_one_file_are_both_told() {
    run(|| async {
        let mut file = NamedTempFile::new()?;
        let first = FileWatch::open(file.path(), NoteVnode::WRITE)?;
        let second = FileWatch::open(file.path(), NoteVnode::WRITE)?;
        file.write_all(b"1")?;
        await_notes(&first, NoteVnode::WRITE).await;
        await_notes(&second, NoteVnode::WRITE).await;
        drop(first);
        file.write_all(b"2")?;
        await_notes(&second, NoteVnode::WRITE).await;
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_descriptor_watched_anew_tells_nothing_of_before() {
    run(|| async {
        let mut file = NamedTempFile::new()?;
        let mut handle = file.reopen()?;
        for _ in 0..100 {
            let former = FileWatch::new(handle, NoteVnode::WRITE)?;
            file.write_all(b"1")?;
            handle = former.into_inner();
            let watch = FileWatch::new(handle, NoteVnode::WRITE)?;
            yield_now().await;
            assert!(poll_once(watch.changed()).await.is_none());
            handle = watch.into_inner();
        }
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn what_cannot_be_watched_is_refused() {
    run(|| async {
        let (socket, _peer) = UnixStream::pair()?;
        let refused = FileWatch::new(&socket, NoteVnode::WRITE).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
        let missing = FileWatch::open("/nowhere", NoteVnode::WRITE).unwrap_err();
        assert_eq!(missing.raw_os_error(), Some(libc::ENOENT));
        Ok::<(), io::Error>(())
    })
    .unwrap();
}
