//! One datagram of the connector, read: `linux/connector.h` and `linux/cn_proc.h`.

/// What a datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The answer to a request, ours or another listener's: its mark, and an errno.
    Answer { mark: u32, errno: u32 },
    /// A process or a thread was made.
    Fork {
        parent: i32,
        child_thread: i32,
        child: i32,
        /// Nanoseconds of the monotonic clock.
        time: u64,
    },
    /// A process runs another program.
    Exec { process: i32 },
    /// A thread is gone.
    Exit {
        thread: i32,
        process: i32,
        status: i32,
    },
}

/// Where the connector's header lies: after that of netlink.
const CONNECTOR: usize = 16;
/// Where the event lies: after that of the connector.
const EVENT: usize = CONNECTOR + 20;
/// Where the event's own data lie: after its kind, processor and time.
const DATA: usize = EVENT + 16;

const NONE: u32 = 0;
const FORK: u32 = 1;
const EXEC: u32 = 2;
const EXIT: u32 = 0x8000_0000;

impl Message {
    /// The message, if it is of a kind that matters here.
    pub(super) fn parse(datagram: &[u8]) -> Option<Self> {
        let word = |offset: usize| {
            let bytes = datagram.get(offset..offset + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        let long = |offset: usize| {
            let bytes = datagram.get(offset..offset + 8)?;
            Some(u64::from_ne_bytes(bytes.try_into().ok()?))
        };
        let number = |nth: usize| word(DATA + 4 * nth).map(u32::cast_signed);
        // The identity of the process events: CN_IDX_PROC, CN_VAL_PROC.
        if (word(CONNECTOR)?, word(CONNECTOR + 4)?) != (1, 1) {
            return None;
        }
        Some(match word(EVENT)? {
            NONE => Self::Answer {
                mark: word(CONNECTOR + 12)?.wrapping_sub(1),
                errno: word(DATA)?,
            },
            FORK => Self::Fork {
                parent: number(1)?,
                child_thread: number(2)?,
                child: number(3)?,
                time: long(EVENT + 8)?,
            },
            EXEC => Self::Exec {
                process: number(1)?,
            },
            EXIT => Self::Exit {
                thread: number(0)?,
                process: number(1)?,
                status: number(2)?,
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(kind: u32, data: &[u32]) -> Vec<u8> {
        let mut words = vec![0; DATA / 4];
        words[CONNECTOR / 4..CONNECTOR / 4 + 4].copy_from_slice(&[1, 1, 5, 6]);
        words[EVENT / 4] = kind;
        words.extend_from_slice(data);
        words.iter().copied().flat_map(u32::to_ne_bytes).collect()
    }

    #[test]
    fn each_kind_is_read() {
        let parse = |kind, data: &[u32]| Message::parse(&datagram(kind, data));
        let answer = Message::Answer { mark: 5, errno: 1 };
        assert_eq!(parse(NONE, &[1]), Some(answer));
        let fork = Message::Fork {
            parent: 11,
            child_thread: 12,
            child: 13,
            time: 0,
        };
        assert_eq!(parse(FORK, &[10, 11, 12, 13]), Some(fork));
        assert_eq!(parse(EXEC, &[20, 21]), Some(Message::Exec { process: 21 }));
        let exit = Message::Exit {
            thread: 30,
            process: 31,
            status: 7 << 8,
        };
        assert_eq!(parse(EXIT, &[30, 31, 7 << 8, 17]), Some(exit));
        assert_eq!(parse(4, &[1, 2, 3, 4]), None);
    }

    #[test]
    fn what_is_cut_short_or_of_somebody_else_is_nothing() {
        let whole = datagram(FORK, &[10, 11, 12, 13]);
        for length in 0..whole.len() {
            assert_eq!(Message::parse(&whole[..length]), None);
        }
        let mut other = whole;
        other[CONNECTOR] = 9;
        assert_eq!(Message::parse(&other), None);
    }
}
