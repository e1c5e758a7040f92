use std::time::Duration;

use axum::{Router, routing::get};
use kit::{Health, Shutdown, bind, health_router, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn ask(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn a_process_is_ready_when_every_condition_holds_and_alive_until_it_failed() {
    let (health, shutdown) = (Health::new(), Shutdown::new(Duration::from_secs(5)));
    kit::telemetry::init_metrics().unwrap();
    let log = health.condition("event log");
    let listener = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn({
        let (health, shutdown) = (health.clone(), shutdown.clone());
        async move { serve(listener, health_router(health), &shutdown).await }
    });

    assert_eq!(ask(address, "/livez").await, (200, "alive\n".into()));
    let (status, body) = ask(address, "/readyz").await;
    assert_eq!(status, 503);
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json, serde_json::json!({"ready": false, "conditions": {"event log": "starting"}}));
    log.ready();
    assert_eq!(ask(address, "/readyz").await.0, 200);
    log.not_ready("no answer from the broker");
    assert!(ask(address, "/readyz").await.1.contains("no answer from the broker"));

    assert_eq!(ask(address, "/metrics").await.0, 200);
    log.ready();
    health.failed("disk full");
    assert_eq!(ask(address, "/livez").await, (503, "disk full\n".into()));
    assert_eq!(ask(address, "/readyz").await.0, 503);

    shutdown.trigger();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_is_open_when_the_end_is_asked_for_is_answered() {
    let shutdown = Shutdown::new(Duration::from_secs(30));
    let (began, entered) = tokio::sync::oneshot::channel();
    let began = std::sync::Arc::new(std::sync::Mutex::new(Some(began)));
    let asked = shutdown.clone();
    let router = Router::new().route(
        "/",
        get(move || async move {
            began.lock().unwrap().take().unwrap().send(()).unwrap();
            asked.triggered().await;
            "answered"
        }),
    );
    let listener = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { serve(listener, router, &shutdown).await }
    });
    let request = tokio::spawn(async move { ask(address, "/").await });
    entered.await.unwrap();
    shutdown.trigger();
    assert_eq!(request.await.unwrap(), (200, "answered".into()));
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_is_dropped_at_the_deadline() {
    let shutdown = Shutdown::new(Duration::from_millis(20));
    let listener = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let mut open = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    shutdown.trigger();
    serve(listener, Router::new(), &shutdown).await.unwrap();
}

#[tokio::test]
async fn an_address_that_others_can_reach_needs_a_word() {
    let error = bind("0.0.0.0:0".parse().unwrap(), false).await.unwrap_err();
    assert!(error.to_string().contains("open_to_network"), "{error}");
    assert!(bind("0.0.0.0:0".parse().unwrap(), true).await.is_ok());
}
