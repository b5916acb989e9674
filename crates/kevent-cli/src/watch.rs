//! `kevent watch`: one queue, one loop, until the end.

use std::io::{self, Write};

use kevent::signal::{Disposition, disposition, set_disposition};
use kevent::{Events, Kevent, Kqueue};
use rustix::process::Signal;

use crate::arguments::Request;
use crate::decode::Decoded;
use crate::failure::{Failure, because};
use crate::run::{Run, Tokens};
use crate::subject::{Subject, check_descriptors, watch_all};

/// How many events one call may bring.
const EVENTS_MAX: usize = 256;

// `udata` of our own knotes; the others carry their subject's place in the list.
const STOP: usize = usize::MAX;
const EXIT: usize = usize::MAX - 1;
const MOMENT: usize = usize::MAX - 2;

/// The watch: what is watched, what is done with its events, and how many may still come.
#[derive(Debug)]
pub(crate) struct Watch {
    queue: Kqueue,
    subjects: Vec<Subject>,
    run: Option<Run>,
    output: Output,
    remaining: Option<u64>,
    is_ending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Text,
    Json,
    Nothing,
}

impl Watch {
    /// Watches everything that is asked for, and says on standard error that it does.
    ///
    /// # Errors
    /// The first thing that cannot be watched.
    pub(crate) fn start(request: &Request) -> Result<Self, Failure> {
        check_descriptors(request)?;
        let queue = Kqueue::new().map_err(because("cannot make an event queue"))?;
        for signal in [Signal::INT, Signal::TERM] {
            let is_watched = request
                .signal
                .iter()
                .any(|named| named.number == signal.as_raw());
            if !is_watched {
                end_at(signal, &queue).map_err(because("cannot watch SIGINT and SIGTERM"))?;
            }
        }
        let subjects = watch_all(request, &queue)?;
        let output = match (request.quiet, request.json) {
            (true, _) => Output::Nothing,
            (false, true) => Output::Json,
            (false, false) => Output::Text,
        };
        if output != Output::Nothing {
            say("watching");
        }
        let tokens = Tokens {
            moment: MOMENT,
            exit: EXIT,
        };
        Ok(Self {
            queue,
            subjects,
            run: request
                .exec
                .as_deref()
                .map(|command| Run::new(command, tokens)),
            output,
            remaining: request.count,
            is_ending: false,
        })
    }

    /// Prints, and runs the command, until nothing is left to do.
    ///
    /// # Errors
    /// A command that cannot be run, output that cannot be
    /// written. A reader that has closed the pipe is no error.
    pub(crate) fn until_the_end(mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.is_over() {
            match self.queue.wait(&[], &mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.map_err(because("cannot wait for events"))?,
            };
            for event in &events {
                if !self.take(event)? {
                    return Ok(());
                }
            }
            // Not before the whole batch: the exit of a parent may stand before its child.
            self.is_ending |= self.subjects.iter().all(Subject::is_over);
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_ending && self.run.as_ref().is_none_or(Run::is_idle)
    }

    /// Takes in one event; false if the end is now, whatever is under way.
    fn take(&mut self, event: &Kevent) -> Result<bool, Failure> {
        match (event.udata, &mut self.run) {
            (STOP, _) if self.is_ending => return Ok(false),
            (STOP, run) => {
                self.is_ending = true;
                if let Some(run) = run {
                    run.start_no_more();
                    if !run.is_idle() {
                        say("the command still runs; the next signal does not wait for it");
                    }
                }
            }
            (MOMENT, Some(run)) => run.moment_passed(&self.queue)?,
            (EXIT, Some(run)) => {
                if let Some(sentence) = run.exited(&self.queue)? {
                    say(&sentence);
                }
            }
            _ if self.is_ending => {}
            (place, _) => return self.tell(place, event),
        }
        Ok(true)
    }

    /// Prints an event of a subject and has the command run; false if nobody reads any more.
    fn tell(&mut self, place: usize, event: &Kevent) -> Result<bool, Failure> {
        let Some(subject) = self.subjects.get_mut(place) else {
            return Ok(true);
        };
        let told = subject.happened(event, &self.queue);
        if let Some(sentence) = &told.lost {
            say(&sentence.to_string());
        }
        if !told.is_news {
            return Ok(true);
        }
        let name = subject.name_in(event);
        let decoded = Decoded::new(event, &name, told.came_back);
        let printed = match self.output {
            Output::Text => writeln!(io::stdout(), "{}", decoded.text()),
            Output::Json => writeln!(io::stdout(), "{}", decoded.json()),
            Output::Nothing => Ok(()),
        };
        match printed {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            other => other.map_err(because("cannot print to standard output"))?,
        }
        if let Some(run) = &mut self.run {
            run.changed(&self.queue)?;
        }
        if let Some(remaining) = &mut self.remaining {
            *remaining -= 1;
            self.is_ending |= *remaining == 0;
        }
        Ok(true)
    }
}

/// Ends the watch at this signal. Ignored, so that only the knote sees it; the commands of --exec
/// start with the default action, because the queue's handler stands in front.
fn end_at(signal: Signal, queue: &Kqueue) -> io::Result<()> {
    if disposition(signal.as_raw())?.is_ignore() {
        return Ok(());
    }
    set_disposition(signal.as_raw(), Disposition::ignore())?;
    queue.apply(&[Kevent::signal(signal.as_raw()).clear().udata(STOP)])
}

/// A sentence for the user, who may have closed standard error.
fn say(sentence: &str) {
    let _ = writeln!(io::stderr(), "kevent: {sentence}");
}
