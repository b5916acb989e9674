//! Network interfaces: which there are, whether each is up, and what has changed.
//!
//! One rtnetlink(7) socket of the queue's own network namespace, made with the first NETDEV
//! knote. What it says is taken in at once for all knotes; where its buffer overflowed
//! (`ENOBUFS`) all interfaces are asked for anew and compared.

use std::io;

use hashbrown::HashMap;

use crate::sys;
use crate::sys::own::Own;

/// An interface's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    Up,
    Down,
    /// It was removed.
    Gone,
}

/// What is known of the interfaces, by index.
#[derive(Debug, Default)]
pub(crate) struct Links {
    states: HashMap<u32, LinkState>,
    news: Vec<(u32, LinkState)>,
}

/// Numbers and sizes of linux/netlink.h, linux/rtnetlink.h and linux/if.h.
const HEADER_BYTES: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const IFF_RUNNING: u32 = 0x40;
const IFF_LOWER_UP: u32 = 0x1_0000;

/// More than the kernel puts into one datagram.
const ROOM: usize = 65_536;

/// One message about an interface.
enum Message {
    Link(u32, LinkState),
    /// The request failed.
    Refused(i32),
    /// The last part of a dump.
    Done,
}

impl Links {
    /// Every interface there is.
    pub(crate) fn all() -> io::Result<Self> {
        let mut states = HashMap::new();
        ask(0, NLM_F_DUMP, |index, state| {
            states.insert(index, state);
        })?;
        Ok(Self {
            states,
            news: Vec::new(),
        })
    }

    /// Takes in what the socket has; what has changed since is the news.
    pub(crate) fn refresh(&mut self, socket: &Own) {
        self.news.clear();
        let mut room = vec![0; ROOM];
        loop {
            match sys::socket::receive(socket, &mut room) {
                Ok(bytes) => {
                    for message in messages(room.get(..bytes).unwrap_or_default()) {
                        if let Message::Link(index, state) = message {
                            self.note(index, state);
                        }
                    }
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.compare(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Messages were lost: asks for everything.
    fn compare(&mut self) {
        let Ok(now) = Self::all() else { return };
        let gone: Vec<u32> = self
            .states
            .keys()
            .filter(|index| !now.states.contains_key(*index))
            .copied()
            .collect();
        for index in gone {
            self.note(index, LinkState::Gone);
        }
        for (index, state) in now.states {
            self.note(index, state);
        }
    }

    fn note(&mut self, index: u32, state: LinkState) {
        let before = if state == LinkState::Gone {
            self.states.remove(&index)
        } else {
            // A new interface begins by being down.
            let before = self.states.insert(index, state);
            Some(before.unwrap_or(LinkState::Down))
        };
        if before.is_some_and(|before| before != state) {
            self.news.push((index, state));
        }
    }

    /// What changed at the last refresh, in order.
    pub(crate) fn news(&self) -> &[(u32, LinkState)] {
        &self.news
    }
}

/// The state of one interface now.
///
/// # Errors
/// `ENXIO`: there is none of this index.
pub(crate) fn state_of(index: u32) -> io::Result<LinkState> {
    // The kernel's indices are positive ints; asked about another it says EINVAL.
    if i32::try_from(index).is_err() {
        return Err(io::Error::from_raw_os_error(libc::ENXIO));
    }
    let mut found = None;
    let asked = ask(index, 0, |_, state| found = Some(state));
    match (found, asked) {
        (Some(state), _) => Ok(state),
        (None, Err(error)) if error.raw_os_error() != Some(libc::ENODEV) => Err(error),
        (None, _) => Err(io::Error::from_raw_os_error(libc::ENXIO)),
    }
}

/// Asks about one interface or, with `NLM_F_DUMP`, all.
fn ask(index: u32, flags: u16, mut each: impl FnMut(u32, LinkState)) -> io::Result<()> {
    let socket = sys::link::open(false)?;
    sys::socket::send(&socket, &request(index, flags))?;
    let mut room = vec![0; ROOM];
    loop {
        let bytes = match sys::socket::receive(&socket, &mut room) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for message in messages(room.get(..bytes).unwrap_or_default()) {
            match message {
                Message::Link(index, state) => each(index, state),
                Message::Refused(errno) => return Err(io::Error::from_raw_os_error(errno)),
                Message::Done => return Ok(()),
            }
        }
        if flags & NLM_F_DUMP == 0 {
            return Ok(());
        }
    }
}

/// A netlink header and struct ifinfomsg.
fn request(index: u32, flags: u16) -> [u8; HEADER_BYTES + 16] {
    let mut message = [0; HEADER_BYTES + 16];
    let fields: [&[u8]; 8] = [
        &32_u32.to_ne_bytes(),
        &RTM_GETLINK.to_ne_bytes(),
        &(NLM_F_REQUEST | flags).to_ne_bytes(),
        // Sequence number and port: one question, one answer.
        &1_u32.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
        // AF_UNSPEC, padding and type.
        &[0; 4],
        &index.to_ne_bytes(),
        // Flags, and which of them to change: none.
        &[0; 8],
    ];
    for (to, from) in message.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *from;
    }
    message
}

/// The messages of one datagram that matter here.
fn messages(mut rest: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some(length) = number(rest, 0).and_then(|bytes| usize::try_from(bytes).ok())
        && let Some(message) = rest.get(..length).filter(|_| length >= HEADER_BYTES)
    {
        messages.extend(parse(message));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

fn parse(message: &[u8]) -> Option<Message> {
    let kind = u16::from_ne_bytes(*message.get(4..)?.first_chunk()?);
    let body = message.get(HEADER_BYTES..)?;
    match kind {
        NLMSG_DONE => Some(Message::Done),
        NLMSG_ERROR => Some(Message::Refused(
            number(body, 0)?.cast_signed().saturating_neg(),
        )),
        // A bridge speaks of its ports under a family of its own.
        RTM_NEWLINK | RTM_DELLINK if *body.first()? == 0 => {
            let is_up = number(body, 8)? & (IFF_RUNNING | IFF_LOWER_UP) != 0;
            let state = match kind {
                RTM_DELLINK => LinkState::Gone,
                _ if is_up => LinkState::Up,
                _ => LinkState::Down,
            };
            Some(Message::Link(number(body, 4)?, state))
        }
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_first_interface_and_no_last() {
        let links = Links::all().unwrap();
        let loopback = links.states.get(&1).copied();
        assert!(loopback.is_some());
        assert_eq!(loopback, state_of(1).ok());
        for unknown in [0x7fff_0000, 0x8000_0000, u32::MAX] {
            let error = state_of(unknown).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENXIO));
        }
    }

    #[test]
    fn only_changes_are_news() {
        let mut links = Links::default();
        links.note(5, LinkState::Down);
        assert_eq!(links.news(), []);
        links.note(5, LinkState::Up);
        links.note(5, LinkState::Up);
        links.note(6, LinkState::Gone);
        links.note(5, LinkState::Gone);
        assert_eq!(links.news(), [(5, LinkState::Up), (5, LinkState::Gone)]);
    }

    #[test]
    fn lost_messages_are_made_good_by_comparing() {
        let mut links = Links::all().unwrap();
        let loopback = links.states.insert(1, LinkState::Gone);
        links.states.insert(0x7fff_0000, LinkState::Up);
        links.compare();
        let expected = [(0x7fff_0000, LinkState::Gone), (1, loopback.unwrap())];
        assert_eq!(links.news(), expected);
    }

    #[test]
    fn a_broken_datagram_says_nothing() {
        assert!(messages(&[]).is_empty());
        assert!(messages(&[0; 40]).is_empty());
        let mut cut = request(1, 0);
        cut[4] = 16;
        assert!(messages(&cut[..20]).is_empty());
        assert_eq!(messages(&cut).len(), 1);
    }
}
