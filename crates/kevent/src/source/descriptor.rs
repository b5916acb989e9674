//! What a descriptor is, and what READ, WRITE and EXCEPT share in judging it.
//!
//! The engine hands a filter the bits that epoll reported and the descriptor's [`Kind`], which is
//! learnt at most once per registration: the first event of an unknown kind costs two or three
//! calls more. A filter answers with a [`Verdict`]. Nothing here is remembered beyond the kind,
//! and every number may have been closed meanwhile.

use std::io;
use std::os::fd::RawFd;

use crate::flags::NoteIo;
use crate::sys;

pub(crate) const IN: u32 = libc::EPOLLIN.cast_unsigned();
pub(crate) const OUT: u32 = libc::EPOLLOUT.cast_unsigned();
pub(crate) const PRI: u32 = libc::EPOLLPRI.cast_unsigned();
pub(crate) const ERR: u32 = libc::EPOLLERR.cast_unsigned();
pub(crate) const HUP: u32 = libc::EPOLLHUP.cast_unsigned();
pub(crate) const RDHUP: u32 = libc::EPOLLRDHUP.cast_unsigned();

/// What one knote wants to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interest {
    /// LOWAT, FILE_POLL and OOB count here.
    pub(crate) notes: NoteIo,
    /// Bytes; means something with LOWAT only.
    pub(crate) low_water: i64,
    /// Whether `data` is to be filled in. Without it, the plain case makes no system call, and
    /// an event may be spurious.
    pub(crate) want_data: bool,
    /// Take the socket's error by SO_ERROR, exact and gone for the program, instead of inferring
    /// it (`docs/semantics.md`, G7).
    pub(crate) exact_errors: bool,
}

impl Interest {
    /// The low water mark, if this knote has one of its own.
    pub(crate) fn own_low_water(&self) -> Option<i64> {
        self.notes.contains(NoteIo::LOWAT).then_some(self.low_water)
    }

    /// An active verdict, with `data` as far as it is wanted.
    pub(crate) fn active(&self, data: i64) -> Verdict {
        Verdict::Active {
            data: if self.want_data { data } else { 0 },
            fflags: 0,
            eof: false,
        }
    }

    /// End of file, with `data` as far as it is wanted.
    pub(crate) fn eof(&self, data: i64, fflags: u32) -> Verdict {
        Verdict::Active {
            data: if self.want_data { data } else { 0 },
            fflags,
            eof: true,
        }
    }
}

/// What a filter says about a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The condition does not hold, whatever epoll said.
    Inactive,
    /// The number is not open, or no longer what it was.
    Closed,
    /// The condition holds.
    Active {
        /// As the filter defines it; 0 where the interest does not want it.
        data: i64,
        /// With `eof` the socket's error, or NOTE_OOB; else 0.
        fflags: u32,
        eof: bool,
    },
}

impl From<io::Result<Self>> for Verdict {
    /// The filters pass on EBADF only; any other error is answered where it arises.
    fn from(result: io::Result<Self>) -> Self {
        match result {
            Ok(verdict) => verdict,
            Err(error) if is_closed(&error) => Self::Closed,
            Err(_) => Self::Inactive,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EBADF)
}

/// The value, or `None` where this kind of descriptor has none; an error only if it is closed.
pub(crate) fn unless_closed<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_closed(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// What a descriptor is, as far as filters care. Whether a socket listens is not part of it: a
/// bound socket may begin to (`docs/semantics.md`, R-05).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not learnt yet.
    #[default]
    Unknown,
    /// A stream socket of the internet domains; TCP_INFO may answer.
    Tcp,
    UnixStream {
        /// SO_RCVLOWAT is above 1, which poll(2) ignores for these (`docs/semantics.md`, D0.17).
        has_low_water: bool,
    },
    UnixSeqpacket,
    UnixDatagram,
    /// Streams of other domains.
    OtherStream,
    /// Datagrams of other domains: UDP, raw, netlink, packet.
    Datagram,
    PipeReader,
    PipeWriter,
    /// A FIFO opened O_RDWR.
    PipeBoth,
    Tty,
    Eventfd,
    Timerfd,
    /// An epoll set, so perhaps another queue.
    Epoll,
    Regular,
    Directory,
    /// Everything else: signalfd, inotify, pidfd, devices. Whether epoll takes it or
    /// not, poll(2) has an answer.
    Other,
}

impl Kind {
    /// Asks the kernel what this descriptor is. Three calls at most, mostly two.
    ///
    /// # Errors
    /// EBADF: the number is not open.
    pub(crate) fn learn(fd: RawFd) -> io::Result<Self> {
        match unless_closed(sys::socket::domain(fd))? {
            Some(domain) => Self::learn_socket(fd, domain),
            None => Self::learn_file(fd),
        }
    }

    fn learn_socket(fd: RawFd, domain: i32) -> io::Result<Self> {
        let socket_type = unless_closed(sys::socket::socket_type(fd))?;
        Ok(match (domain, socket_type) {
            (libc::AF_UNIX, Some(libc::SOCK_STREAM)) => {
                let low_water = unless_closed(sys::socket::receive_low_water(fd))?;
                Self::UnixStream {
                    has_low_water: low_water.is_some_and(|bytes| bytes > 1),
                }
            }
            (libc::AF_UNIX, Some(libc::SOCK_SEQPACKET)) => Self::UnixSeqpacket,
            (libc::AF_UNIX, _) => Self::UnixDatagram,
            (libc::AF_INET | libc::AF_INET6, Some(libc::SOCK_STREAM)) => Self::Tcp,
            (_, Some(libc::SOCK_STREAM | libc::SOCK_SEQPACKET)) => Self::OtherStream,
            _ => Self::Datagram,
        })
    }

    fn learn_file(fd: RawFd) -> io::Result<Self> {
        let stat = sys::descriptor::fstat(fd)?;
        Ok(match stat.file_type() {
            libc::S_IFIFO => match sys::descriptor::access_mode(fd)? {
                libc::O_RDONLY => Self::PipeReader,
                libc::O_WRONLY => Self::PipeWriter,
                _ => Self::PipeBoth,
            },
            libc::S_IFDIR => Self::Directory,
            libc::S_IFCHR if sys::descriptor::is_tty(fd) => Self::Tty,
            libc::S_IFCHR | libc::S_IFBLK => Self::Other,
            // Some kernels call anonymous inodes regular files, of no size.
            libc::S_IFREG if stat.size != 0 => Self::Regular,
            other => Self::learn_by_name(fd, other == libc::S_IFREG)?,
        })
    }

    /// An anonymous inode says in `/proc` what it is, an ordinary file its path.
    fn learn_by_name(fd: RawFd, is_regular: bool) -> io::Result<Self> {
        let link = sys::descriptor::link(fd).unwrap_or_default();
        Ok(match link.to_str() {
            Some("anon_inode:[eventfd]") => Self::Eventfd,
            Some("anon_inode:[timerfd]") => Self::Timerfd,
            Some("anon_inode:[eventpoll]") => Self::Epoll,
            Some(name) if is_regular && !name.starts_with('/') && !name.is_empty() => Self::Other,
            _ if is_regular => Self::Regular,
            _ => {
                // Without /proc: closed, or something unnamed.
                sys::descriptor::check_open(fd)?;
                Self::Other
            }
        })
    }

    /// Learns an unknown kind; `self` stays what it is otherwise.
    pub(crate) fn learnt(&mut self, fd: RawFd) -> io::Result<Self> {
        if *self == Self::Unknown {
            *self = Self::learn(fd)?;
        }
        Ok(*self)
    }

    /// Whether FIONREAD says all that there is to say of what can be read, as a rule.
    pub(crate) const fn counts_bytes(self) -> bool {
        matches!(
            self,
            Self::Tcp
                | Self::UnixStream {
                    has_low_water: false
                }
                | Self::UnixSeqpacket
                | Self::UnixDatagram
                | Self::OtherStream
                | Self::Datagram
                | Self::PipeReader
                | Self::PipeBoth
        )
    }

    /// Files that are looked at by size and offset.
    pub(crate) const fn is_file(self) -> bool {
        matches!(self, Self::Regular | Self::Directory)
    }

    /// An epoll set, so perhaps one of our queues.
    pub(crate) const fn is_queue(self) -> bool {
        matches!(self, Self::Epoll)
    }

    /// Sockets that have connections: a hang-up can mean end of file or never connected.
    pub(crate) const fn is_stream_socket(self) -> bool {
        matches!(
            self,
            Self::Tcp | Self::UnixStream { .. } | Self::UnixSeqpacket | Self::OtherStream
        )
    }

    pub(crate) const fn is_datagram_socket(self) -> bool {
        matches!(self, Self::UnixDatagram | Self::Datagram)
    }
}

/// Whether the number is open.
pub(crate) fn is_open(fd: RawFd) -> bool {
    sys::descriptor::check_open(fd).is_ok()
}

/// What poll(2) says now, as EPOLL bits; none of a closed number.
pub(crate) fn ready_now(fd: RawFd) -> u32 {
    sys::descriptor::poll(fd).unwrap_or(0)
}

/// Whether these bits, of the full set of poll(2), are those of a stream socket that never was
/// connected: Linux says OUT and HUP, where BSD is silent (`docs/semantics.md`, D0.9).
pub(crate) const fn never_connected(bits: u32) -> bool {
    bits & HUP != 0 && bits & (RDHUP | ERR) == 0
}

/// A file opened before the number was used again may be anything now: closed, unless its type
/// still is the one expected.
pub(crate) fn still(fd: RawFd, types: &[u32]) -> io::Result<sys::descriptor::Stat> {
    let stat = sys::descriptor::fstat(fd)?;
    if types.contains(&stat.file_type()) {
        Ok(stat)
    } else {
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    fn kind(fd: &impl AsRawFd) -> Kind {
        Kind::learn(fd.as_raw_fd()).unwrap()
    }

    #[test]
    fn every_kind_is_recognised() {
        let (reader, writer) = io::pipe().unwrap();
        let (stream, _peer) = UnixStream::pair().unwrap();
        assert_eq!(kind(&reader), Kind::PipeReader);
        assert_eq!(kind(&writer), Kind::PipeWriter);
        assert_eq!(
            kind(&stream),
            Kind::UnixStream {
                has_low_water: false
            }
        );
        assert_eq!(kind(&UnixDatagram::unbound().unwrap()), Kind::UnixDatagram);
        assert_eq!(kind(&TcpListener::bind("127.0.0.1:0").unwrap()), Kind::Tcp);
        assert_eq!(
            kind(&UdpSocket::bind("127.0.0.1:0").unwrap()),
            Kind::Datagram
        );
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(
            kind(&File::open(directory.path()).unwrap()),
            Kind::Directory
        );
        let socket = directory.path().join("socket");
        assert!(matches!(
            kind(&UnixListener::bind(socket).unwrap()),
            Kind::UnixStream { .. }
        ));
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(kind(&file), Kind::Regular);
        io::Write::write_all(&mut file, b"x").unwrap();
        assert_eq!(kind(&file), Kind::Regular);
        assert_eq!(kind(&File::open("/dev/null").unwrap()), Kind::Other);
        assert_eq!(kind(&sys::wake::readable_eventfd().unwrap()), Kind::Eventfd);
        assert_eq!(kind(&sys::wake::tests::epoll()), Kind::Epoll);
        assert_eq!(kind(&sys::descriptor::tests::open_pty().1), Kind::Tty);
        assert_eq!(
            kind(&sys::socket::tests::socketpair(libc::SOCK_SEQPACKET).0),
            Kind::UnixSeqpacket
        );
    }

    #[test]
    fn a_closed_number_is_an_error() {
        assert_eq!(
            Kind::learn(-1).unwrap_err().raw_os_error(),
            Some(libc::EBADF)
        );
    }

    #[test]
    fn a_kind_is_small() {
        assert!(size_of::<Kind>() <= 2);
    }
}
