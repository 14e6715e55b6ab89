//! One connection of a session server: a request in, answers out.

use super::{Runner, refused};
use crate::enforce::frame::{
    Answer, OUTPUT_CHUNK_MAX, REQUEST_BYTES_MAX, Request, checked, framed,
};
use crate::enforce::name::RunName;
use crate::enforce::run;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Longest wait for a request, and for a slow reader of answers, who is dropped and never waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the request and answers it.
///
/// # Errors
/// What the socket says. The command is not touched by it.
pub(super) async fn serve(runner: &Arc<Runner>, mut socket: UnixStream) -> io::Result<()> {
    let bytes = timeout(PATIENCE, read(&mut socket))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)??;
    let request = match Request::parse(bytes) {
        Ok(request) => request,
        Err(fault) => {
            let answer = refused("request", &fault.to_string(), "");
            return send(&mut socket, &answer).await;
        }
    };
    match request {
        Request::Hello => {
            let facts = Box::new(runner.facts().await);
            send(&mut socket, &Answer::Facts(facts)).await
        }
        Request::Stop(name) => {
            let answer = match runner.run_of(&name) {
                Some(run) => {
                    run.stop.cancel();
                    Answer::Done
                }
                None => refused("not-running", "no command of this name runs", ""),
            };
            send(&mut socket, &answer).await
        }
        Request::Run(ticket) => match runner.take(ticket).await {
            Ok(name) => {
                send(&mut socket, &Answer::Taken(name.clone())).await?;
                stream(runner, &mut socket, &name, 0).await
            }
            Err(answer) => send(&mut socket, &answer).await,
        },
        Request::Watch { run: name, offset } => match runner.past(&name).await {
            Answer::Refused { word, why, hint } => {
                send(&mut socket, &Answer::Refused { word, why, hint }).await
            }
            Answer::Unknown => send(&mut socket, &Answer::Unknown).await,
            _ => stream(runner, &mut socket, &name, offset).await,
        },
    }
}

async fn read(socket: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    socket.read_exact(&mut length).await?;
    let mut bytes = vec![0; checked(length, REQUEST_BYTES_MAX)?];
    socket.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn send(socket: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let bytes = framed(&answer.print())?;
    timeout(PATIENCE, socket.write_all(&bytes))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}

/// Tells what happens with an attempt until it is over: from the files, so that it does not matter when somebody
/// begins to watch.
async fn stream(
    runner: &Runner,
    socket: &mut UnixStream,
    name: &RunName,
    mut offset: u64,
) -> io::Result<()> {
    let directory = run::directory(&runner.ground.attempts, name);
    let output = File::open(directory.join(run::OUTPUT))?;
    let mut progress = runner.run_of(name).map(|run| run.progress);
    let mut told = None;
    loop {
        let now = progress.as_mut().map(|p| *p.borrow_and_update());
        if let Some(pid) = now.and_then(|now| now.pid).filter(|pid| told != Some(*pid)) {
            told = Some(pid);
            send(socket, &Answer::Spawned { pid }).await?;
        }
        offset = copy(&output, socket, offset).await?;
        let Some(watch) = progress
            .as_mut()
            .filter(|_| now.is_some_and(|now| !now.is_over))
        else {
            break;
        };
        if watch.changed().await.is_err() {
            break;
        }
    }
    let answer = match crate::enforce::result::read(&directory)? {
        Some(attempted) => Answer::Ended(Box::new(attempted)),
        None => Answer::Unknown,
    };
    send(socket, &answer).await
}

/// Sends what is in the output from `offset` on, and says where it ends now.
async fn copy(output: &File, socket: &mut UnixStream, mut offset: u64) -> io::Result<u64> {
    let mut buffer = vec![0; OUTPUT_CHUNK_MAX];
    loop {
        let length = output.read_at(&mut buffer, offset)?;
        if length == 0 {
            return Ok(offset);
        }
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        send(socket, &Answer::Output { offset, bytes }).await?;
        offset = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }
}
