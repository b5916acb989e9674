//! BSD and macOS, with what all of them have.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::{Errno, pread};
use rustix::net::{SendFlags, send};
use socket2::Socket;

/// Nothing says that more output follows; a head and a file's first bytes are two packets.
pub(crate) const MORE: SendFlags = SendFlags::empty();
/// Rust's start-up code ignores SIGPIPE, and macOS has no flag for it.
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::empty();
/// Opens a place in the tree to look at it. Without `O_PATH` it must be readable; a FIFO must not
/// make the call wait, nor a terminal become ours.
pub(crate) const LOOK: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
/// Opens a directory to walk on from it; it must be readable.
pub(crate) const WALK: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Bytes read at a time for [`send_file`], on the stack.
const PIECE_BYTES: usize = 16 * 1024;

/// ENOSYS: no such call, and paths are walked by component.
pub(crate) fn open_beneath(
    _directory: impl AsFd,
    _path: &[u8],
    _flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    Err(Errno::NOSYS)
}

/// Sends up to `length` bytes of a file and moves the offset by what was sent; 0 at its end.
pub(crate) fn send_file(
    socket: impl AsFd,
    file: impl AsFd,
    offset: &mut u64,
    length: usize,
) -> io::Result<usize> {
    let (socket, file) = (socket.as_fd(), file.as_fd());
    let mut piece = [0; PIECE_BYTES];
    let mut sent = 0;
    while sent < length {
        match send_piece(socket, file, *offset, &mut piece, length - sent) {
            Ok((count, is_whole)) => {
                sent += count;
                *offset += count as u64;
                if !is_whole {
                    break;
                }
            }
            // What was sent comes first; the error comes again.
            Err(_) if sent > 0 => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent)
}

/// Sends one piece: how much of it was taken, and whether that was all of a piece.
fn send_piece(
    socket: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    offset: u64,
    piece: &mut [u8],
    length: usize,
) -> rustix::io::Result<(usize, bool)> {
    let space = piece.split_at_mut(length.min(piece.len())).0;
    let read = pread(file, &mut *space, offset)?;
    if read == 0 {
        return Ok((0, false));
    }
    let count = send(socket, space.split_at(read).0, NO_SIGNAL)?;
    Ok((count, count == read))
}

/// Lets several listening sockets share a port, and the kernel spread connections over them.
#[cfg(target_os = "freebsd")]
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port_lb(true)
}

/// Lets several listening sockets share a port. These kernels do not spread connections: one of
/// the sockets, and its worker, gets them all.
#[cfg(not(target_os = "freebsd"))]
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

/// Lets a signal be counted by EVFILT_SIGNAL knotes alone: its default action would end the
/// process, so it gets a handler that does nothing of use.
#[cfg(not(target_os = "linux"))]
pub(crate) fn take_signal(signal: i32) -> io::Result<()> {
    signal_hook::flag::register(signal, std::sync::Arc::default())?;
    Ok(())
}

/// Nothing bounds what the kernel holds for a slow reader but its send buffer.
pub(crate) fn limit_unsent(_socket: &Socket, _bytes: u32) -> io::Result<()> {
    Ok(())
}

/// EOPNOTSUPP: every file has a name here.
pub(crate) fn open_unnamed(_directory: impl AsFd) -> rustix::io::Result<OwnedFd> {
    Err(Errno::OPNOTSUPP)
}

/// EOPNOTSUPP, as [`open_unnamed`].
pub(crate) fn link_unnamed(
    _file: impl AsFd,
    _directory: impl AsFd,
    _name: &[u8],
) -> rustix::io::Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Renames within a directory to a name that must be free.
pub(crate) fn rename_new(directory: impl AsFd, old: &[u8], new: &[u8]) -> rustix::io::Result<()> {
    super::rename_by_link(directory.as_fd(), old, new)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::os::unix::net::UnixStream;

    use rustix::fs::{CWD, Mode, open, openat};
    use socket2::{Domain, Type};

    use super::*;

    #[test]
    fn a_file_is_sent_up_to_its_end_and_the_offset_follows() {
        let content: Vec<u8> = (0..=250).cycle().take(3 * PIECE_BYTES + 5).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let (socket, mut peer) = UnixStream::pair().unwrap();
        let mut offset = 7;
        let mut seen = Vec::new();
        while offset < content.len() as u64 {
            let length = PIECE_BYTES + 1;
            let sent = send_file(&socket, &file, &mut offset, length).unwrap();
            assert!((1..=length).contains(&sent));
            let mut part = vec![0; sent];
            peer.read_exact(&mut part).unwrap();
            seen.extend(part);
        }
        assert!(seen == content.split_at(7).1);
        assert_eq!(send_file(&socket, &file, &mut offset, 1).unwrap(), 0);
    }

    #[test]
    fn a_full_socket_keeps_what_it_took() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![b'x'; 1 << 22]).unwrap();
        let (socket, peer) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut offset = 0;
        let sent = send_file(&socket, &file, &mut offset, 1 << 22).unwrap();
        assert_eq!(sent as u64, offset);
        let again = send_file(&socket, &file, &mut offset, 1);
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(send(&socket, b"x", MORE), Err(Errno::AGAIN));
        assert_eq!(sent as u64, offset);
        assert!(peer.take_error().unwrap().is_none());
    }

    #[test]
    fn a_tree_can_be_walked_without_o_path() {
        let top = tempfile::tempdir().unwrap();
        std::fs::write(top.path().join("file"), "").unwrap();
        let directory = open(top.path(), WALK, Mode::empty()).unwrap();
        assert!(openat(&directory, "file", LOOK, Mode::empty()).is_ok());
        assert_eq!(
            openat(CWD, top.path().join("file"), WALK, Mode::empty()).unwrap_err(),
            Errno::NOTDIR
        );
        let beneath = open_beneath(&directory, b"file", LOOK);
        assert_eq!(beneath.unwrap_err(), Errno::NOSYS);
    }

    #[test]
    fn a_file_takes_a_free_name_only() {
        let top = tempfile::tempdir().unwrap();
        let directory = open(top.path(), WALK, Mode::empty()).unwrap();
        assert_eq!(open_unnamed(&directory).unwrap_err(), Errno::OPNOTSUPP);
        assert!(link_unnamed(&directory, &directory, b"x").is_err());
        std::fs::write(top.path().join("old"), "old").unwrap();
        rename_new(&directory, b"old", b"new").unwrap();
        std::fs::write(top.path().join("old"), "other").unwrap();
        assert_eq!(rename_new(&directory, b"old", b"new"), Err(Errno::EXIST));
        assert_eq!(std::fs::read(top.path().join("new")).unwrap(), b"old");
        assert!(top.path().join("old").exists());
    }

    #[test]
    fn two_sockets_share_a_port() {
        let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            share_port(&socket).unwrap();
            limit_unsent(&socket, 1).unwrap();
            socket.bind(&address.into()).unwrap();
            socket.listen(1).unwrap();
            address = socket.local_addr().unwrap().as_socket().unwrap();
            sockets.push(socket);
        }
    }
}
