//! The floor as tasks of `kevent-async`, one for each connection.

use std::cell::RefCell;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;

use futures_lite::AsyncWriteExt;
use kevent_async::{TcpStream, block_on, spawn};

use super::answer::Answers;
use super::bare::BUFFER_BYTES;

/// Serves until the process is ended.
pub(crate) fn serve(listener: TcpListener, is_closing: bool) -> io::Result<()> {
    let answers = Rc::new(Answers::new(is_closing));
    // One buffer for all: what was read is answered before anybody else reads.
    let buffer = Rc::new(RefCell::new(vec![0; BUFFER_BYTES]));
    block_on(async move {
        let listener = kevent_async::TcpListener::from_std(listener)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (answers, buffer) = (Rc::clone(&answers), Rc::clone(&buffer));
            spawn(async move {
                // An error ends the connection, which is all that is to be done about it.
                let _ = converse(stream, &answers, &buffer, is_closing).await;
            })
            .detach();
        }
    })
}

async fn converse(
    stream: TcpStream,
    answers: &Answers,
    buffer: &RefCell<Vec<u8>>,
    is_closing: bool,
) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let count = match stream.try_read(&mut buffer.borrow_mut()) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        // Nobody else has had a turn since the read.
        let answer = answers.to(buffer.borrow().get(..count).unwrap_or_default());
        if !answer.is_empty() {
            (&stream).write_all(answer).await?;
        }
        if is_closing && !answer.is_empty() {
            return Ok(());
        }
    }
}
