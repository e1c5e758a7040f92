use notify::{Settings, SmtpTls, TransportKind};
use testkit::smtp::{Fault, Options, PASSWORD, Server, USER, server_for};
use vitals::Change;

use crate::mime::Part;
use crate::world::{PATIENCE, World, forest};

fn settings(world: &World, server: &Server) -> Settings {
    let password = world.dir.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    Settings {
        transport: TransportKind::Smtp,
        smtp_host: Some("127.0.0.1".into()),
        smtp_port: server.port(),
        smtp_ca_file: Some(server.ca_file().to_str().unwrap().into()),
        smtp_user: Some(USER.into()),
        smtp_password_file: Some(password.to_str().unwrap().into()),
        smtp_timeout_seconds: 20,
        ..world.settings()
    }
}

/// D14, over a real mail server.
#[tokio::test]
async fn a_mail_goes_to_all_recipients_over_starttls_with_a_password() {
    let Some(mut server) =
        server_for("a_mail_goes_to_all_recipients_over_starttls_with_a_password", &Options::default()).unwrap()
    else {
        return;
    };
    let world = World::new();
    world.alert(1, &forest(1, Change::Opened)).await;
    world.alert(1, &forest(1, Change::Resolved)).await;
    let mut running = world.start(&settings(&world, &server));
    running.until("for two mails", |progress| progress.sent == 2).await;
    running.stop().await;
    let mails = server.wait_for(2, PATIENCE).unwrap();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].tls);
    assert_eq!(mails[0].user.as_deref(), Some(USER));
    assert_eq!(mails[0].from, "caduceus@caduceus.example");
    assert_eq!(mails[0].to, ["on-call@clinic.example", "deputy@clinic.example"]);
    let (first, second) = (Part::read(&mails[0].content), Part::read(&mails[1].content));
    assert_eq!(second.header("references"), first.header("message-id"));
    assert_eq!(first.parts[1].parts[1].kind(), "image/png");
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing() {
    let options = Options { tls: false, auth: false };
    let Some(mut server) = server_for("a_server_without_starttls_gets_nothing", &options).unwrap() else { return };
    let world = World::new();
    world.alert(1, &forest(1, Change::Opened)).await;
    let bare = Settings { smtp_user: None, smtp_password_file: None, ..settings(&world, &server) };
    let mut running = world.start(&bare);
    let progress = running.until("for a refusal", |progress| progress.failures == 1).await;
    let reason = progress.last_failure.unwrap();
    assert!(reason.contains("offers no STARTTLS"), "{reason}");
    assert_eq!((progress.sent, progress.dead), (0, 0), "it waits for a better server");
    running.stop().await;
    assert!(server.mails().unwrap().is_empty());

    // The same server is good enough for minimal content when that is asked for in so many words.
    let open = Settings { smtp_tls: SmtpTls::None, smtp_ca_file: None, content: notify::Content::Minimal, ..bare };
    let mut running = world.start(&open);
    running.until("for the mail", |progress| progress.sent == 1).await;
    running.stop().await;
    assert!(!server.wait_for(1, PATIENCE).unwrap()[0].tls);
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_gets_nothing_and_the_error_says_what_to_set() {
    let name = "a_server_of_an_unknown_authority_gets_nothing_and_the_error_says_what_to_set";
    let Some(mut server) = server_for(name, &Options::default()).unwrap() else { return };
    let world = World::new();
    world.alert(1, &forest(1, Change::Opened)).await;
    let other = tempfile::tempdir().unwrap();
    let other = testkit::smtp::Certificates::make(other.path()).map(|made| (made, other)).unwrap();
    let wrong = Settings { smtp_ca_file: Some(other.0.ca.to_str().unwrap().into()), ..settings(&world, &server) };
    let mut running = world.start(&wrong);
    let progress = running.until("for a refusal", |progress| progress.failures == 1).await;
    let reason = progress.last_failure.unwrap();
    assert!(reason.contains("certificate") && reason.contains("smtp_ca_file"), "{reason}");
    running.stop().await;
    assert!(server.mails().unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_password_is_said_and_costs_no_mail() {
    let Some(mut server) = server_for("a_wrong_password_is_said_and_costs_no_mail", &Options::default()).unwrap()
    else {
        return;
    };
    let world = World::new();
    world.alert(1, &forest(1, Change::Opened)).await;
    let right = settings(&world, &server);
    let wrong = Settings { smtp_password_file: None, smtp_password: Some(kit::Secret::new("not it")), ..right.clone() };
    let mut running = world.start(&wrong);
    let progress = running.until("for a refusal", |progress| progress.failures == 1).await;
    let reason = progress.last_failure.unwrap();
    assert!(reason.contains("smtp_user") && !reason.contains("not it"), "{reason}");
    assert_eq!(progress.dead, 0);
    running.stop().await;
    let mut running = world.start(&right);
    running.until("for the mail", |progress| progress.sent == 1).await;
    running.stop().await;
    assert_eq!(server.wait_for(1, PATIENCE).unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_put_off_or_cut_off_is_tried_again_with_the_same_message_id() {
    let name = "what_is_put_off_or_cut_off_is_tried_again_with_the_same_message_id";
    let Some(mut server) = server_for(name, &Options::default()).unwrap() else { return };
    let world = World::new();
    server.fail_next(&[Fault::TryLater, Fault::Drop, Fault::DropAfterTaking]).unwrap();
    world.alert(1, &forest(1, Change::Opened)).await;
    let mut running = world.start(&settings(&world, &server));
    for (attempt, pause_ms) in [(1, 10_000), (2, 20_000), (3, 40_000)] {
        let progress = running.until("for a failure", |progress| progress.failures == attempt).await;
        assert_eq!((progress.sent, progress.dead, progress.pending), (0, 0, 1));
        world.clock.advance(pause_ms);
    }
    running.until("for the mail", |progress| progress.sent == 1).await;
    running.stop().await;
    let mails = server.wait_for(2, PATIENCE).unwrap();
    assert_eq!(mails.len(), 2, "taken before the cut, and again after it");
    assert_eq!(mails[0].content, mails[1].content, "the same to the byte");
}

#[tokio::test]
async fn what_is_refused_becomes_a_dead_letter_and_the_next_mail_goes_out() {
    let name = "what_is_refused_becomes_a_dead_letter_and_the_next_mail_goes_out";
    let Some(mut server) = server_for(name, &Options::default()).unwrap() else { return };
    let world = World::new();
    server.fail_next(&[Fault::Refuse]).unwrap();
    world.alert(1, &forest(1, Change::Opened)).await;
    let settings = settings(&world, &server);
    let mut running = world.start(&settings);
    let progress = running.until("for a dead letter", |progress| progress.dead == 1).await;
    assert!(progress.last_failure.unwrap().contains("550"));
    world.alert(1, &forest(2, Change::Opened)).await;
    running.until("for the next", |progress| progress.sent == 1).await;
    running.stop().await;
    assert_eq!(server.wait_for(1, PATIENCE).unwrap().len(), 1);
    // It stays dead after a restart.
    let mut running = world.start(&settings);
    running.until("for the state", |progress| progress.open_episodes == 2).await;
    let progress = running.progress.borrow().clone();
    assert_eq!((progress.pending, progress.sent), (0, 0));
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for() {
    let Some(server) = server_for("a_server_that_is_not_there_is_waited_for", &Options::default()).unwrap() else {
        return;
    };
    let world = World::new();
    let settings = settings(&world, &server);
    let ca = std::fs::read(server.ca_file()).unwrap();
    let kept = world.dir.path().join("ca.pem");
    std::fs::write(&kept, ca).unwrap();
    drop(server);
    // Nobody else comes to listen where it was.
    let _port = kit::Port::hold(settings.smtp_port).unwrap();
    world.alert(1, &forest(1, Change::Opened)).await;
    let mut running = world.start(&Settings { smtp_ca_file: Some(kept.to_str().unwrap().into()), ..settings });
    let progress = running.until("for a failure", |progress| progress.failures == 1).await;
    assert!(progress.last_failure.unwrap().contains("could not be reached"));
    assert_eq!((progress.pending, progress.dead), (1, 0));
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_falls_silent_does_not_hold_a_mail_for_ever() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = World::new();
    world.alert(1, &forest(1, Change::Opened)).await;
    let settings = Settings {
        transport: TransportKind::Smtp,
        smtp_host: Some("127.0.0.1".into()),
        smtp_port: silent.local_addr().unwrap().port(),
        smtp_timeout_seconds: 1,
        ..world.settings()
    };
    let mut running = world.start(&settings);
    let (_open, _) = silent.accept().await.unwrap();
    let progress = running.until("for the end of patience", |progress| progress.failures == 1).await;
    assert!(progress.last_failure.unwrap().contains("127.0.0.1"));
    assert_eq!((progress.pending, progress.dead), (1, 0));
    running.stop().await;
}
