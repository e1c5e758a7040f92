//! A port of this machine that is kept for whoever is to listen on it.

use std::io;
use std::net::Ipv4Addr;

use tokio::net::TcpSocket;

use crate::{Error, Result};

/// A port on 127.0.0.1. Until this is dropped the system gives it to nobody who asks for any port, and nobody else can hold it;
/// whoever asks for it by number and lets its address be used again (`SO_REUSEADDR`, as every server here does) may listen on it,
/// also again after a restart. For those who must know a port before the one who listens runs: otherwise listen on port 0 and ask.
///
/// ```
/// let port = kit::Port::free()?;
/// assert!(kit::Port::hold(port.number()).is_err());
/// # Ok::<(), kit::Error>(())
/// ```
#[derive(Debug)]
pub struct Port {
    number: u16,
    _held: TcpSocket,
}

impl Port {
    /// One that nobody uses.
    ///
    /// # Errors
    /// [`Error::Environment`] where there is none.
    pub fn free() -> Result<Self> {
        Self::hold(0)
    }

    /// This one.
    ///
    /// # Errors
    /// [`Error::Environment`] where it is in use or held.
    pub fn hold(number: u16) -> Result<Self> {
        let held = || -> io::Result<Self> {
            let socket = TcpSocket::new_v4()?;
            socket.bind((Ipv4Addr::LOCALHOST, number).into())?;
            // Only now, so that two never hold the same port. It does not listen, so a listener may have the address beside it.
            socket.set_reuseaddr(true)?;
            Ok(Self { number: socket.local_addr()?.port(), _held: socket })
        };
        held().map_err(|source| {
            let doing = if number == 0 { "find a free port".into() } else { format!("hold port {number}") };
            Error::Environment { doing, source }
        })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn a_held_port_is_nobodys_but_the_listeners_also_after_a_restart() {
        let port = Port::free().unwrap();
        let address = (Ipv4Addr::LOCALHOST, port.number());
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens yet");
        for _ in 0..3 {
            let listener = TcpListener::bind(address).await.unwrap();
            let (asking, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
            drop((asking.unwrap(), accepted.unwrap()));
            assert!(Port::hold(port.number()).is_err());
        }
        // Nobody is given it by chance.
        let others: Vec<_> = (0..200).map(|_| Port::free().unwrap().number()).collect();
        assert!(!others.contains(&port.number()));
    }

    #[tokio::test]
    async fn a_port_that_somebody_listens_on_cannot_be_held() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        assert!(Port::hold(listener.local_addr().unwrap().port()).is_err());
    }
}
