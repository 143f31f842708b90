//! A back end on one connection, which it uses again and again.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A connection of a back end.
pub struct Client {
    stream: BufReader<TcpStream>,
    token: String,
}

impl Client {
    pub fn connect(address: &str, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream: BufReader::new(stream), token: token.to_owned() })
    }

    /// Asks, and reads the whole answer: its status, and whether the connection may be used again.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, bool)> {
        self.ask(method, path, body)?;
        self.answer()
    }

    /// Asks.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<()> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes())
    }

    /// Reads the whole answer.
    pub fn answer(&mut self) -> io::Result<(u16, bool)> {
        let ended = || io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended before the answer");
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(ended)?;
        let (mut length, mut keeps) = (0, true);
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(ended());
            }
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(text) = header.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            keeps &= header != "connection: close";
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, keeps))
    }
}
