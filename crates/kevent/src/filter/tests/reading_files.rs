//! READ on everything but sockets.

use super::*;

#[test]
fn r_30_to_r_34_pipes() {
    let (reader, mut writer) = io::pipe().unwrap();
    assert_eq!(reads(&reader), Verdict::Inactive);
    writer.write_all(&[0; 15]).unwrap();
    assert_eq!(reads(&reader), active(15));
    assert_eq!(reads(&writer), Verdict::Inactive);
    drop(writer);
    assert_eq!(reads(&reader), eof(15, 0));
    (&reader).read_exact(&mut [0; 15]).unwrap();
    assert_eq!(reads(&reader), eof(0, 0));
}

#[test]
fn r_35_to_r_37_w_25_a_fifo_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    make_fifo(&path);
    let open_reader = || {
        OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .unwrap()
    };
    let open_writer = || {
        OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .unwrap()
    };
    let mut reader = open_reader();
    assert_eq!(reads(&reader), Verdict::Inactive);
    let mut writer = open_writer();
    writer.write_all(b"abc").unwrap();
    assert_eq!(reads(&reader), active(3));
    reader.read_exact(&mut [0; 3]).unwrap();
    drop(writer);
    assert_eq!(reads(&reader), eof(0, 0));
    let writer = open_writer();
    assert_eq!(reads(&reader), Verdict::Inactive);
    drop(reader);
    assert_eq!(writes(&writer), eof(0, 0));
    let _reader = open_reader();
    assert_space(writes(&writer));
}

#[test]
fn r_38_to_r_40_terminals() {
    let (master, slave) = open_pty();
    let mut master = File::from(master);
    master.write_all(b"part").unwrap();
    assert_eq!(reads(&slave), Verdict::Inactive);
    master.write_all(b"ial\n").unwrap();
    wait_until(|| reads(&slave) == active(8));
    assert_eq!(writes(&slave), active(1));
    let mut slave = File::from(slave);
    slave.read_exact(&mut [0; 8]).unwrap();
    // The end of file character: a read returns 0.
    master.write_all(&[4]).unwrap();
    wait_for(&slave, IN);
    assert_eq!(reads(&slave), active(0));
    drop(master);
    wait_for(&slave, HUP);
    assert!(matches!(
        reads(&slave),
        Verdict::Active {
            eof: true,
            fflags: 0,
            ..
        }
    ));
    assert!(matches!(
        writes(&slave),
        Verdict::Active {
            eof: true,
            fflags: 0,
            ..
        }
    ));
}

#[test]
fn r_41_to_r_51_files() {
    let mut file = tempfile::tempfile().unwrap();
    let check = |file: &File| read::event(file.as_raw_fd(), &mut Kind::Unknown, 0, &PLAIN);
    assert_eq!(check(&file), Verdict::Inactive, "empty");
    file.set_len(100).unwrap();
    file.seek(io::SeekFrom::Start(30)).unwrap();
    assert_eq!(check(&file), active(70));
    file.seek(io::SeekFrom::Start(100)).unwrap();
    assert_eq!(check(&file), Verdict::Inactive);
    let always = Interest {
        notes: NoteIo::FILE_POLL,
        ..PLAIN
    };
    assert_eq!(
        read::event(file.as_raw_fd(), &mut Kind::Unknown, 0, &always),
        active(0)
    );
    file.seek(io::SeekFrom::Start(130)).unwrap();
    assert_eq!(check(&file), active(-30));
    file.set_len(3 << 30).unwrap();
    file.rewind().unwrap();
    assert_eq!(check(&file), active(3 << 30));
}

#[test]
fn r_52_r_53_w_27_eventfds() {
    let (mut near, far) = eventfd();
    assert_eq!(reads(&far), Verdict::Inactive);
    assert_eq!(writes(&far), active(i64::MAX));
    near.write_all(&7_u64.to_ne_bytes()).unwrap();
    assert_eq!(reads(&far), active(7));
    near.write_all(&(u64::MAX - 1 - 7).to_ne_bytes()).unwrap();
    assert_eq!(reads(&far), active(i64::MAX));
    assert_eq!(writes(&far), Verdict::Inactive);
    near.read_exact(&mut [0; 8]).unwrap();
    assert_eq!(reads(&far), Verdict::Inactive);
}

/// An eventfd at 0, and a second descriptor of it.
fn eventfd() -> (File, File) {
    let mut file = File::from(crate::sys::wake::readable_eventfd().unwrap());
    file.read_exact(&mut [0; 8]).unwrap();
    let second = file.try_clone().unwrap();
    (file, second)
}

#[test]
fn r_54_a_timerfd_that_has_expired() {
    let timer = timerfd::create(Clock::Monotonic).unwrap();
    assert_eq!(reads(&timer), Verdict::Inactive);
    timerfd::set(timer.as_fd(), Some(1)).unwrap();
    wait_for(&timer, IN);
    assert_eq!(reads(&timer), active(8));
}

#[test]
fn r_56_r_57_devices_and_directories() {
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .unwrap();
    let fd = null.as_raw_fd();
    assert_eq!(read::event(fd, &mut Kind::Unknown, 0, &PLAIN), active(0));
    assert_eq!(write::event(fd, &mut Kind::Unknown, 0, &PLAIN), active(0));
    let directory = File::open(tempfile::tempdir().unwrap().path()).unwrap();
    let fd = directory.as_raw_fd();
    assert_ne!(
        read::event(fd, &mut Kind::Unknown, 0, &PLAIN),
        Verdict::Closed
    );
    assert_eq!(write::event(fd, &mut Kind::Unknown, 0, &PLAIN), active(0));
}

#[test]
fn a_number_that_is_no_file_any_more_is_closed() {
    let (reader, _writer) = io::pipe().unwrap();
    let mut kind = Kind::Regular;
    assert_eq!(
        read::event(reader.as_raw_fd(), &mut kind, 0, &PLAIN),
        Verdict::Closed
    );
    assert_eq!(
        write::event(reader.as_raw_fd(), &mut kind, 0, &PLAIN),
        Verdict::Closed
    );
}
