//! EXCEPT.

use super::*;

#[test]
fn x_01_to_x_03_urgent_data() {
    let (a, mut b) = tcp_pair();
    b.write_all(b"plain").unwrap();
    wait_for(&a, IN);
    assert_eq!(excepts(&a), Verdict::Inactive);
    send_urgent(&b, b'!');
    wait_for(&a, PRI);
    let urgent = Verdict::Active {
        data: 0,
        fflags: NoteIo::OOB.bits(),
        eof: false,
    };
    assert_eq!(excepts(&a), urgent);
    assert_eq!(receive_urgent(&a), b'!');
    assert_eq!(excepts(&a), Verdict::Inactive);
}

#[test]
fn a_reset_is_end_of_file() {
    let (a, b) = tcp_pair();
    set_reset_on_close(&b);
    drop(b);
    wait_for(&a, ERR);
    assert_eq!(excepts(&a), eof(0, libc::ECONNRESET));
}

#[test]
fn x_04_only_sockets_and_terminals_have_it() {
    let errno = |fd: &dyn AsRawFd| {
        except::attach_check(fd.as_raw_fd())
            .err()
            .and_then(|error| error.raw_os_error())
    };
    let (reader, _writer) = io::pipe().unwrap();
    assert_eq!(errno(&reader), Some(libc::EINVAL));
    assert_eq!(errno(&tempfile::tempfile().unwrap()), Some(libc::EINVAL));
    assert_eq!(errno(&File::open("/dev/null").unwrap()), Some(libc::EINVAL));
    assert_eq!(errno(&-1), Some(libc::EBADF));
    assert_eq!(errno(&UnixStream::pair().unwrap().0), None);
    assert_eq!(errno(&open_pty().1), None);
}
