//! A server that behaves badly in one way, whatever it is asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// What it does with every request.
#[derive(Debug, Clone)]
pub(super) enum Behaviour {
    /// Answers with a status and a short text.
    Status(u16),
    /// Answers well, with this body.
    Ok(&'static str),
    /// Says that more comes, and closes.
    Truncated,
    /// Sends without end.
    Huge,
    /// Takes the request and says nothing.
    Silent,
    /// 429 with a time.
    RateLimited,
    /// Sends the client to another host.
    Redirect(String),
    /// Sends the request back, credentials and all.
    Echo(u16),
}

impl Behaviour {
    /// An error status.
    pub(super) const fn status(code: u16) -> Self {
        Self::Status(code)
    }
}

/// Serves until dropped.
pub(super) struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one on a port of its own.
    pub(super) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let (counted, over) = (Arc::clone(&requests), Arc::clone(&is_over));
        let task = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (behaviour, counted) = (behaviour.clone(), Arc::clone(&counted));
                // Ends when the client goes.
                std::thread::spawn(move || serve(stream, &behaviour, &counted).ok());
            }
        });
        Self {
            address,
            requests,
            is_over,
            task: Some(task),
        }
    }

    /// Its base URL.
    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the loop.
        TcpStream::connect(self.address).ok();
        if let Some(task) = self.task.take() {
            task.join().ok();
        }
    }
}

/// Reads one request; gives it whole.
fn request(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut text, mut length) = (String::new(), 0_usize);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        text += &line;
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(text + &String::from_utf8_lossy(&body))
}

fn serve(stream: TcpStream, behaviour: &Behaviour, counted: &AtomicUsize) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let asked = request(&mut reader)?;
        counted.fetch_add(1, Ordering::SeqCst);
        match behaviour {
            Behaviour::Status(code) => answer(&mut out, *code, "", "refused, says the server")?,
            Behaviour::Ok(body) => answer(&mut out, 200, "", body)?,
            Behaviour::RateLimited => answer(&mut out, 429, "retry-after: 7\r\n", "slower")?,
            Behaviour::Redirect(to) => {
                answer(&mut out, 302, &format!("location: {to}/elsewhere\r\n"), "")?;
            }
            Behaviour::Echo(code) => answer(&mut out, *code, "", &asked)?,
            Behaviour::Truncated => {
                out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"data\"")?;
                return Ok(());
            }
            Behaviour::Huge => {
                out.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[")?;
                let part = [b' '; 8192];
                // Ends with an error once the client has had enough.
                loop {
                    out.write_all(&part)?;
                }
            }
            Behaviour::Silent => {
                // Until the client goes.
                reader.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
        }
    }
}

fn answer(out: &mut TcpStream, code: u16, headers: &str, body: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    out.write_all(head.as_bytes())?;
    out.write_all(body.as_bytes())
}
