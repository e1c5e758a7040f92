//! Fetching the broker's jars from the Java registry, once a version.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, bail, ensure};

/// The broker's version.
pub const VERSION: &str = "4.2.0";

/// One fetch at a time within this process; between processes the final rename decides.
static FETCHING: Mutex<()> = Mutex::new(());

/// The folder with the broker's jars, fetched where it is not there yet. Says on stderr what it does.
///
/// # Errors
/// Where `java` or `mvn` is missing, or Maven fails.
pub fn fetch() -> anyhow::Result<PathBuf> {
    let _one = FETCHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    ensure!(answers("java", "-version"), "no `java` on the PATH (install a Java runtime, 17 or later)");
    let home = crate::cache::folder()?.join(format!("kafka-{VERSION}"));
    let libs = home.join("libs");
    if libs.is_dir() {
        return Ok(libs);
    }
    ensure!(answers("mvn", "-version"), "no `mvn` on the PATH (install Maven) and no broker in {}", home.display());
    eprintln!("fetching Apache Kafka {VERSION} with Maven into {} (about 44 MB, once)", home.display());
    std::fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
    let work = tempfile::Builder::new().prefix("fetch-").tempdir_in(&home).context("a folder to fetch into")?;
    std::fs::write(work.path().join("pom.xml"), pom()).context("writing pom.xml")?;
    let output = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"])
        .current_dir(work.path())
        .stdin(Stdio::null())
        .output()
        .context("running mvn")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        bail!("mvn failed ({}): {}", output.status, said.lines().take(5).collect::<Vec<_>>().join(" | "));
    }
    match std::fs::rename(work.path().join("libs"), &libs) {
        Err(error) if !libs.is_dir() => Err(error).with_context(|| format!("moving the jars to {}", libs.display())),
        _ => Ok(libs), // also where another process was first
    }
}

fn answers(program: &str, argument: &str) -> bool {
    let run =
        Command::new(program).arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

fn pom() -> String {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        )
    };
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>caduceus</groupId><artifactId>broker-for-tests</artifactId><version>1</version>\
         <dependencies>{}{}</dependencies></project>\n",
        dependency("org.apache.kafka", "kafka_2.13", VERSION),
        dependency("org.slf4j", "slf4j-reload4j", "1.7.36"),
    )
}
