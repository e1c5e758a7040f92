use kit::config::{check_documented, example};
use kit::{Configuration, Documented, Error, Key, Section};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    transport: String,
    port: u16,
    wait_ms: u64,
    recipients: Vec<String>,
    user: Option<String>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: "file".into(),
            port: 587,
            wait_ms: 250,
            recipients: vec!["on-call@example.org".into()],
            user: None,
        }
    }
}

impl Documented for Mail {
    const SECTION: &'static str = "mail";
    const ABOUT: &'static str = "How mail leaves.";
    const KEYS: &'static [Key] = &[
        Key::new("transport", "file or smtp", "Where mail goes."),
        Key::new("port", "", "Port of the server."),
        Key::new("wait_ms", "milliseconds", "Pause before trying again."),
        Key::new("recipients", "", "Who is told."),
        Key::optional("user", "", "Name at the server.", "\"caduceus\""),
    ];

    fn check(&self) -> Result<(), String> {
        if self.transport == "pigeon" {
            Err("transport = \"pigeon\" is not possible; write \"file\" or \"smtp\"".into())
        } else {
            Ok(())
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Node {
    name: String,
}

impl Documented for Node {
    const SECTION: &'static str = "node";
    const ABOUT: &'static str = "A node.";
    const KEYS: &'static [Key] = &[Key::new("name", "", "Its name.")];
}

fn load(text: &str, variables: &[(&str, &str)]) -> kit::Result<Configuration> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("caduceus.toml");
    std::fs::write(&path, text).unwrap();
    let sections = [Section::of::<Mail>().unwrap(), Section::of::<Node>().unwrap()];
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Configuration::load_from(Some(&path), &sections, variables)
}

fn message(result: kit::Result<impl Sized>) -> String {
    let Err(error) = result else { panic!("accepted") };
    assert!(matches!(error, Error::Configuration { .. }));
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn what_is_not_set_is_the_default_and_the_environment_stands_above_the_file() {
    let all = load(
        "[mail]\nport = 25\nwait_ms = 1\n",
        &[("CADUCEUS_MAIL__PORT", "2525"), ("PATH", "/bin"), ("CADUCEUS_CACHE", "x")],
    )
    .unwrap();
    let mail: Mail = all.section().unwrap();
    assert_eq!(mail, Mail { port: 2525, wait_ms: 1, ..Mail::default() });
    assert_eq!(all.section::<Node>().unwrap().name, "");
}

#[test]
fn a_text_in_the_environment_stays_text_even_when_it_looks_like_a_number() {
    let all = load(
        "",
        &[
            ("CADUCEUS_MAIL__USER", "1234"),
            ("CADUCEUS_MAIL__TRANSPORT", "true"),
            ("CADUCEUS_MAIL__RECIPIENTS", "[\"a@b.example\"]"),
        ],
    )
    .unwrap();
    let mail: Mail = all.section().unwrap();
    assert_eq!((mail.user.as_deref(), mail.transport.as_str()), (Some("1234"), "true"));
    assert_eq!(mail.recipients, ["a@b.example"]);
}

#[test]
fn an_unknown_key_is_refused_with_its_file_and_the_nearest_known_one() {
    let text = message(load("[mail]\ntranport = \"file\"\n", &[]));
    assert!(text.contains("caduceus.toml: mail.tranport") && text.contains("did you mean \"transport\"?"), "{text}");
}

#[test]
fn an_unknown_variable_is_refused_by_its_name() {
    let text = message(load("", &[("CADUCEUS_MAIL__COLOUR", "red")]));
    assert!(text.contains("CADUCEUS_MAIL__COLOUR") && text.contains("there are transport, port"), "{text}");
    let text = message(load("", &[("CADUCEUS_MIAL__PORT", "1")]));
    assert!(text.contains("CADUCEUS_MIAL") && text.contains("did you mean \"mail\"?"), "{text}");
}

#[test]
fn an_unknown_section_and_a_key_outside_of_one_are_refused() {
    assert!(message(load("[mial]\nport = 1\n", &[])).contains("did you mean \"mail\"?"));
    assert!(message(load("port = 1\n", &[])).contains("port"));
    assert!(message(load("mail = 1\n", &[])).contains("write [mail]"));
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_place() {
    let text = message(load("[mail]\nport = \"many\"\n", &[]).and_then(|all| all.section::<Mail>()));
    assert!(text.contains("caduceus.toml: mail.port") && text.contains("many"), "{text}");
    let text = message(load("", &[("CADUCEUS_MAIL__PORT", "99999")]).and_then(|all| all.section::<Mail>()));
    assert!(text.contains("CADUCEUS_MAIL__PORT"), "{text}");
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_the_line() {
    let text = message(load("[mail]\nport = = 3\n", &[]));
    assert!(text.contains("line 2"), "{text}");
}

#[test]
fn a_value_that_the_section_refuses_is_an_error_of_the_section() {
    let text = message(load("[mail]\ntransport = \"pigeon\"\n", &[]).and_then(|all| all.section::<Mail>()));
    assert!(text.contains("[mail]") && text.contains("write \"file\" or \"smtp\""), "{text}");
}

#[test]
fn a_missing_file_is_an_error_of_the_environment() {
    let Err(error) = Configuration::load_from(Some("/nowhere/caduceus.toml".as_ref()), &[], []) else {
        panic!("accepted")
    };
    assert!(error.to_string().contains("/nowhere/caduceus.toml"));
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn the_example_shows_every_key_and_reads_as_the_defaults() {
    check_documented::<Mail>().unwrap();
    let text = example(&[Section::of::<Mail>().unwrap()]);
    assert!(text.contains("# Pause before trying again. (milliseconds)\nwait_ms = 250\n"), "{text}");
    assert!(text.contains("# user = \"caduceus\"\n"), "{text}");
}

#[test]
fn a_key_that_is_not_documented_is_found() {
    #[derive(Default, Serialize, Deserialize)]
    struct Hidden {
        a: u8,
        b: u8,
    }
    impl Documented for Hidden {
        const SECTION: &'static str = "hidden";
        const ABOUT: &'static str = "x";
        const KEYS: &'static [Key] = &[Key::new("a", "", "A.")];
    }
    assert!(check_documented::<Hidden>().unwrap_err().contains('b'));
}
