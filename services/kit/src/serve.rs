//! Listening and answering until the process ends.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

use crate::{Error, Result, Shutdown};

/// Listens on an address; port 0 lets the system choose (ask the listener which). Addresses that other machines can reach are
/// refused unless `open_to_network`: who opens a service to the network says so.
///
/// # Errors
/// [`Error::Configuration`] for such an address, [`Error::Environment`] where it cannot be had.
pub async fn bind(address: SocketAddr, open_to_network: bool) -> Result<TcpListener> {
    if !address.ip().is_loopback() && !open_to_network {
        return Err(Error::Configuration {
            place: format!("address {address}"),
            reason: "other machines can reach it; use 127.0.0.1, or set open_to_network = true behind a TLS proxy"
                .into(),
        });
    }
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Environment { doing: format!("listen on {address}"), source })
}

/// Answers until the shutdown is asked for, then lets open requests end, at most for the shutdown's deadline.
///
/// # Errors
/// [`Error::Environment`] where the listener fails.
pub async fn serve(listener: TcpListener, router: Router, shutdown: &Shutdown) -> Result<()> {
    let token = shutdown.token();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move { token.cancelled().await });
    let late = async {
        shutdown.triggered().await;
        tokio::time::sleep(shutdown.deadline()).await;
    };
    tokio::select! {
        ended = async { server.await } => ended.map_err(|source| Error::Environment { doing: "serve".into(), source }),
        () = late => {
            tracing::warn!("requests still open at the deadline were dropped");
            Ok(())
        }
    }
}
