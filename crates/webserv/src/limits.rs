//! Every limit of the server, with its unit and its reason, in one table.
//!
//! A loop, a buffer or a table anywhere in this crate takes its bound from here, so that a reader
//! can judge at a glance what one client may cost. The time-outs that a caller may change are
//! [`Timeouts`]; the rest are constants.

use std::time::Duration;

/// Longest request line in bytes, without its line end; a longer one is answered with 414.
/// RFC 9112 section 3 asks for at least 8,000; browsers stay below 16 KiB.
pub const REQUEST_LINE_BYTES_MAX: usize = 16 * 1024;

/// Largest field section of a request in bytes, with all line ends; a larger one is answered with
/// 431. Room for big cookies, and a bound on what a client may make a worker hold.
pub const FIELD_SECTION_BYTES_MAX: usize = 32 * 1024;

/// Most field lines of a request; more are answered with 431. Browsers send fewer than 40.
pub const FIELD_LINES_MAX: usize = 128;

/// Field lines that the parser expects; a request with more is parsed a second time.
pub const FIELD_LINES_EXPECTED: usize = 32;

/// Size of an input buffer in bytes: an ordinary request, or a burst of some tens of them, fits.
pub const INPUT_BUFFER_BYTES: usize = 16 * 1024;

/// Most bytes an input buffer grows to: one head of the largest size and the start of what follows.
pub const INPUT_BUFFER_BYTES_MAX: usize =
    REQUEST_LINE_BYTES_MAX + FIELD_SECTION_BYTES_MAX + INPUT_BUFFER_BYTES;

/// Input and output buffers that a worker keeps for reuse; beyond it they are freed.
pub const BUFFERS_KEPT_MAX: usize = 64;

/// Largest buffer in bytes that goes back to the pool, so that rare giants do not stay.
pub const BUFFER_KEPT_BYTES_MAX: usize = 128 * 1024;

/// Requests of one connection served in a burst before other connections get their turn.
pub const BURST_REQUESTS_MAX: usize = 64;

/// Answers are gathered up to this many bytes before they are written.
pub const OUTPUT_GATHER_BYTES: usize = 64 * 1024;

/// A file up to this size in bytes is read behind its head and leaves in the same write; a larger
/// one goes by sendfile. Below it a copy costs less than a second system call.
pub const INLINE_FILE_BYTES_MAX: u64 = 16 * 1024;

/// Bytes that one connection sends from a file before other connections get their turn.
pub const SENDFILE_SLICE_BYTES: usize = 1024 * 1024;

/// Unsent bytes that the kernel holds for one connection before it reports "not writable". Bounds
/// the memory of a slow reader, and lets the send time-out see steady progress.
pub const UNSENT_BYTES_MAX: u32 = 256 * 1024;

/// Connections accepted in a row before their requests get a turn.
pub const ACCEPTS_PER_TURN_MAX: usize = 64;

/// Length of a listening socket's queue; the kernel caps it at net.core.somaxconn.
pub const LISTEN_BACKLOG: i32 = 4096;

/// How long accepting rests when the process or the system is out of descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long it takes at least until a worker that failed is replaced.
pub const WORKER_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may wait for a request when the server is to stop. A client that sends
/// one request after the other has sent its next one by then, and is told of the end with the
/// answer instead of finding its request unanswered.
pub const STOP_GRACE: Duration = Duration::from_millis(250);

/// Most workers that may be asked for; each is a thread and a listening socket per address.
pub const WORKERS_MAX: u16 = 1024;

/// Largest content in bytes that a request may announce; more is answered with 413. No file
/// system takes more, and the sum of two such numbers cannot overflow.
pub const CONTENT_BYTES_MAX: u64 = 1 << 40;

/// Content in bytes that is read and thrown away so that a connection can go on. Beyond it the
/// connection is closed instead.
pub const CONTENT_DRAIN_BYTES_MAX: u64 = 256 * 1024;

/// Bytes of a content that are read and thrown away at a time.
pub const CONTENT_PIECE_BYTES: usize = 16 * 1024;

/// Slowest pace of a content, in bytes per second, that keeps a connection: what a client earns
/// back of [`Timeouts::content`] by sending.
pub const CONTENT_RATE_MIN: u64 = 1024;

/// Parts of one form, fields and files together; more are answered with 413.
pub const FORM_PARTS_MAX: usize = 256;

/// Files of one form; each has a descriptor until all are complete.
pub const FORM_FILES_MAX: usize = 64;

/// Head of one part of a form, in bytes. Browsers send less than 1,000.
pub const PART_HEAD_BYTES_MAX: usize = 8 * 1024;

/// Bytes of an upload that are gathered before they are written, on a thread that may block.
pub const UPLOAD_PIECE_BYTES: usize = 128 * 1024;

/// How often another hidden name is tried where one is taken.
pub const HIDDEN_NAME_ATTEMPTS_MAX: usize = 8;

/// Longest name of an uploaded file in bytes: what the usual file systems take.
pub const FILE_NAME_BYTES_MAX: usize = 255;

/// Head of a CGI program's output, in bytes; a larger one is answered with 502.
pub const CGI_HEAD_BYTES_MAX: usize = 32 * 1024;

/// Bytes read from a CGI program, or written to it, at a time: what a pipe holds.
pub const CGI_PIECE_BYTES: usize = 64 * 1024;

/// Largest chunked content in bytes that is gathered for a CGI program, which must know the length
/// before it starts; a larger one is answered with 411.
pub const CGI_CHUNKED_BYTES_MAX: u64 = 1024 * 1024;

/// Longest line that a CGI program's standard error brings into the log, in bytes; the rest is cut.
pub const CGI_ERROR_LINE_BYTES_MAX: usize = 1024;

/// Bytes of one CGI program's standard error that reach the log; the rest is thrown away.
pub const CGI_ERROR_BYTES_MAX: usize = 64 * 1024;

/// How long a CGI program has to end after SIGTERM, before SIGKILL.
pub const CGI_KILL_GRACE: Duration = Duration::from_secs(2);

/// Programs that may wait for their turn, for each one that may run.
pub const CGI_QUEUE_FACTOR: usize = 4;

/// Local redirections of CGI programs that are followed for one request.
pub const LOCAL_REDIRECTS_MAX: usize = 5;

/// How long a client that has ended its sending side may leave open whether it is still there,
/// while a program works for it.
pub const PRESENCE_CHECK: Duration = Duration::from_secs(1);

/// Hexadecimal digits of a chunk size: what a 64-bit number takes.
pub const CHUNK_SIZE_DIGITS_MAX: u32 = 16;

/// Chunk extensions in bytes, summed over all chunks of one message. Nobody uses them.
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// Trailer section in bytes. Trailer fields are dropped, so there is no use for large ones.
pub const TRAILER_SECTION_BYTES_MAX: usize = 16 * 1024;

/// Bytes read and thrown away after an error answer, so that the client reads it instead of a
/// reset.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Most parts of an answer with several ranges. A viewer of documents asks for fewer than ten; a
/// set with more is answered with the whole.
pub const RANGES_MAX: usize = 32;

/// Most ranges of a set that are looked at, however they overlap; a set with more is ignored.
pub const RANGE_SPECS_MAX: usize = 256;

/// Largest file in bytes that is compressed as it is sent. A larger one goes as it is, which a
/// client can take up again where it broke off; compressed, it could not.
pub const COMPRESSED_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bytes compressed in one turn of a worker, about half a millisecond; more of them are compressed
/// on the blocking pool.
pub const COMPRESSED_INLINE_BYTES_MAX: u64 = 16 * 1024;

/// Bytes of a file that one job on the blocking pool reads and compresses.
pub const COMPRESSED_SLICE_BYTES: usize = 256 * 1024;

/// Contents that may be compressed while their clients take them, over all workers. Each holds an
/// encoder of up to 4 MiB; a client beyond that gets its content uncompressed.
pub const COMPRESSED_STREAMS_MAX: usize = 64;

/// Entries of a listing that become a page in one go; a larger one is streamed.
pub const LISTING_PAGE_ENTRIES_MAX: usize = 256;

/// Bytes of a streamed listing that are made in one turn.
pub const LISTING_CHUNK_BYTES: usize = 32 * 1024;

/// Most entries on a listing page; it says so when there are more. About 50 MB of page.
pub const LISTING_ENTRIES_MAX: usize = 200_000;

/// How often an open that raced with a rename (EAGAIN of openat2) is tried again.
pub const OPEN_ATTEMPTS_MAX: usize = 8;

/// Symbolic links followed in one walk when openat2 is not available; the kernel's own limit.
pub const SYMLINKS_MAX: usize = 40;

/// How often the served directory is looked up again by its name, so that a directory that was
/// replaced is noticed.
pub const ROOT_RECHECK: Duration = Duration::from_secs(1);

/// Bytes of access log lines that a worker holds while the file takes none; beyond it lines are
/// dropped, and that is told of.
pub const ACCESS_LINES_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long access log lines are gathered before they are written.
pub const ACCESS_LINES_PAUSE: Duration = Duration::from_millis(100);

/// How long a configuration that changes is left alone before it is read: its writer may not be
/// finished.
pub const CHANGE_SETTLES: Duration = Duration::from_millis(100);

/// Passwords that a worker remembers as right; beyond it all are forgotten and verified again.
pub const VERIFIED_PASSWORDS_MAX: usize = 4096;

/// Advice to the client of an overloaded server, in seconds (Retry-After).
pub const RETRY_AFTER_SECONDS: u32 = 1;

/// How long each phase of a connection may take. All are measured on the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a request, or from accepting, to the end of its head; not extended
    /// by further bytes. Default 15 s.
    pub header: Duration,
    /// For which a client may be silent within the content of a request, in all; sending earns
    /// time back, at [`CONTENT_RATE_MIN`]. Time in which nobody wants the content does not count.
    /// Default 15 s.
    pub content: Duration,
    /// From an answer to the first byte of the next request. Default 60 s.
    pub idle: Duration,
    /// From the moment the kernel takes no more of an answer until it has space again, that is,
    /// until the client has taken about half of [`UNSENT_BYTES_MAX`]. Default 60 s, which asks for
    /// some 2 kB per second.
    pub send: Duration,
    /// For reading on after the final answer of a connection. Default 2 s.
    pub linger: Duration,
    /// For running answers after a request to stop. Default 30 s.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            header: Duration::from_secs(15),
            content: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            send: Duration::from_secs(60),
            linger: Duration::from_secs(2),
            stop: Duration::from_secs(30),
        }
    }
}
