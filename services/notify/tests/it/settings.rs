use kit::{Documented, Secret, config::check_documented};
use notify::{Content, Settings, SmtpTls, TransportKind};

fn smtp() -> Settings {
    Settings { transport: TransportKind::Smtp, smtp_host: Some("mail.example.org".into()), ..Settings::default() }
}

fn refused(settings: &Settings) -> String {
    settings.check().expect_err("accepted")
}

#[test]
fn the_example_of_the_section_shows_every_key_and_reads_as_the_defaults() {
    check_documented::<Settings>().unwrap();
    Settings::default().check().unwrap();
    smtp().check().unwrap();
}

#[test]
fn full_content_needs_enforced_tls_or_files() {
    Settings { content: Content::Full, ..Settings::default() }.check().unwrap();
    Settings { content: Content::Full, ..smtp() }.check().unwrap();
    let open =
        Settings { content: Content::Full, smtp_tls: SmtpTls::None, smtp_host: Some("127.0.0.1".into()), ..smtp() };
    let reason = refused(&open);
    assert!(
        reason.contains("content = \"full\"")
            && reason.contains("smtp_tls = \"required\"")
            && reason.contains("content = \"minimal\""),
        "{reason}"
    );
    Settings { content: Content::Minimal, ..open }.check().unwrap();
}

#[test]
fn without_tls_only_a_relay_on_this_machine_and_no_password() {
    assert!(refused(&Settings { smtp_tls: SmtpTls::None, ..smtp() }).contains("mail.example.org"));
    let local = Settings { smtp_tls: SmtpTls::None, smtp_host: Some("::1".into()), ..smtp() };
    local.check().unwrap();
    let reason =
        refused(&Settings { smtp_user: Some("u".into()), smtp_password: Some(Secret::new("hunter2")), ..local });
    assert!(reason.contains("in the clear") && !reason.contains("hunter2"), "{reason}");
}

#[test]
fn what_is_missing_or_contradicts_is_named() {
    assert!(refused(&Settings { smtp_host: None, ..smtp() }).contains("smtp_host"));
    assert!(refused(&Settings { smtp_user: Some("u".into()), ..smtp() }).contains("smtp_password_file"));
    assert!(refused(&Settings { name: String::new(), ..Settings::default() }).contains("name"));
    assert!(refused(&Settings { name: "a\nb".into(), ..Settings::default() }).contains("name"));
    assert!(refused(&Settings { recipients: Vec::new(), ..Settings::default() }).contains("recipients"));
    assert!(refused(&Settings { recipients: vec!["nobody".into()], ..Settings::default() }).contains("\"nobody\""));
    assert!(
        refused(&Settings { recipients: vec!["a@b.example\r\nBcc: c@d.example".into()], ..Settings::default() })
            .contains("no mail address")
    );
    assert!(refused(&Settings { zone: "Europe/Wien".into(), ..Settings::default() }).contains("Europe/Wien"));
    assert!(
        refused(&Settings { base_url: Some("javascript:alert(1)".into()), ..Settings::default() }).contains("base_url")
    );
    assert!(
        refused(&Settings { base_url: Some("https://x\"><script>".into()), ..Settings::default() })
            .contains("base_url")
    );
    assert!(refused(&Settings { deliveries_at_once: 0, ..Settings::default() }).contains("deliveries_at_once"));
    assert!(refused(&Settings { retry_first_seconds: 0, ..Settings::default() }).contains("retry_first_seconds"));
}
