use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use testkit::smtp::{Fault, Options, Server, server_for};

/// Sends one mail in the clear, step by step; the reply to the last step that was reached, `None` where the connection was cut.
fn send(server: &Server) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut replies = BufReader::new(stream.try_clone().unwrap());
    let mut reply = move || -> Option<String> {
        loop {
            let mut line = String::new();
            if replies.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.as_bytes().get(3) == Some(&b' ') {
                return Some(line.trim().to_owned());
            }
        }
    };
    let mut last = reply()?;
    for step in ["EHLO x", "MAIL FROM:<a@x.test>", "RCPT TO:<b@x.test>", "DATA", "Subject: hello\r\n\r\nhello\r\n."] {
        stream.write_all(format!("{step}\r\n").as_bytes()).unwrap();
        last = reply()?;
        if last.starts_with('5') {
            break;
        }
    }
    Some(last)
}

#[test]
fn a_mail_server_takes_mail_and_fails_as_it_is_told() {
    let name = "a_mail_server_takes_mail_and_fails_as_it_is_told";
    let Some(mut server) = server_for(name, &Options { tls: false, auth: false }).unwrap() else { return };
    assert!(send(&server).unwrap().starts_with("250"));
    server.fail_next(&[Fault::TryLater, Fault::Refuse, Fault::Drop, Fault::DropAfterTaking]).unwrap();
    assert!(send(&server).unwrap().starts_with("450"));
    assert!(send(&server).unwrap().starts_with("550"));
    assert_eq!(send(&server), None);
    assert_eq!(send(&server), None);
    assert!(send(&server).unwrap().starts_with("250"));
    server.wait_for_faults(4, Duration::from_secs(20)).unwrap();
    let mails = server.wait_for(3, Duration::from_secs(20)).unwrap();
    assert_eq!(mails.len(), 3, "of the four faults only the last takes the mail");
    assert_eq!((mails[0].from.as_str(), mails[0].to.as_slice()), ("a@x.test", &["b@x.test".to_owned()][..]));
    assert!(!mails[0].tls && mails[0].content.starts_with(b"Subject: hello"));
}

#[test]
fn a_mail_server_with_tls_takes_nothing_in_the_clear_and_is_gone_when_dropped() {
    let name = "a_mail_server_with_tls_takes_nothing_in_the_clear_and_is_gone_when_dropped";
    let Some(mut server) = server_for(name, &Options::default()).unwrap() else { return };
    assert!(send(&server).unwrap().starts_with("530"), "it asks for STARTTLS first");
    assert!(server.mails().unwrap().is_empty());
    let port = server.port();
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
