//! What the program wants done at a signal, as [`Filter::SIGNAL`](crate::Filter::SIGNAL) knotes
//! see it.
//!
//! A knote counts deliveries and consumes none: the program's handler still runs, an ignored
//! signal is still ignored, and a default action still ends the process. To see the deliveries,
//! a handler of this crate stands in front of the program's action while a knote exists, and the
//! action is kept behind it. To change a signal's action meanwhile, say so here:
//! a direct sigaction(2) would replace the handler that counts. When the last knote of a signal
//! is deleted, the action that was last set here is in force again.

pub use crate::sys::signal::disposition::{Disposition, disposition, set_disposition};
