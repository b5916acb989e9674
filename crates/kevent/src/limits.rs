//! All limits of this crate, each with its unit and reason; but for the number of trigger handles,
//! which follows from the shape of their tree (`source::wake::bells`). On BSD and macOS the limits
//! are the kernel's, and `native::queue` has its own.

/// Kernel entries of one batch that stand on the stack: 1.5 KiB. A longer eventlist takes its
/// batch from the heap.
pub(crate) const STACK_BATCH: usize = 128;

/// Kernel entries taken at a time, whatever the room in the eventlist: 192 KiB.
pub(crate) const BATCH_MAX: usize = 16_384;

/// Entries taken from an inner set at a time: few descriptors have an odd knote.
pub(crate) const INNER_BATCH: usize = 64;

/// Ghosts that are remembered between their first and second report; the oldest goes first.
pub(crate) const GHOSTS_MAX: usize = 32;

/// Slots made at a time: 16 KiB.
pub(crate) const CHUNK_SLOTS: usize = 256;

/// A timeout of more seconds is none (FreeBSD).
pub(crate) const TIMEOUT_SECONDS_MAX: u64 = i32::MAX.cast_unsigned() as u64;

/// Nanoseconds at which deadlines and periods of timers saturate: 292 years.
pub(crate) const NANOS_MAX: u64 = i64::MAX.cast_unsigned();

/// So many closes of one number may overtake one registration of it.
pub(crate) const CLOSES_MAX: u32 = 16;
