//! `caduceus demo`: everything in one process, on simulated people and one injected clock.

mod client;
mod episodes;
mod facts;
mod feed;
mod observe;
mod people;
mod resources;
mod story;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::{ManualClock, Shutdown};

pub(crate) use facts::iso;

use crate::cli;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;
use crate::network::Network;
use crate::platform::Platform;
use facts::{Facts, PhcLine, RecordLine, Summary};
use feed::Feed;
use observe::Observer;
use people::{END_MS, START_MS};
use story::VERDICTS;
use view::View;

/// How long work under way may take once somebody pressed Ctrl-C.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs the command.
pub(crate) fn run(arguments: &cli::Demo) -> Outcome {
    let home = Home::at(data_dir(arguments)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_environment("the runtime cannot be started")?;
    runtime.block_on(async {
        let demo = demo(arguments, &home);
        if !arguments.headless {
            return demo.await;
        }
        let late = || {
            Failure::wrong(format_args!(
                "the story did not end within {} s; try a higher --speed, or allow it more with --within",
                arguments.within
            ))
        };
        tokio::time::timeout(Duration::from_secs(arguments.within), demo).await.unwrap_or_else(|_| Err(late()))
    })
}

/// The folder named, which must not hold a demo already, or a new one.
fn data_dir(arguments: &cli::Demo) -> Outcome<PathBuf> {
    let dir = arguments
        .data_dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("caduceus-demo-{}", std::process::id())));
    if dir.join("genesis.json").exists() {
        return Err(Failure::usage(format_args!(
            "{} holds a network already: name another folder, or remove it first",
            dir.display()
        )));
    }
    Ok(dir)
}

async fn demo(arguments: &cli::Demo, home: &Home) -> Outcome {
    let begun = Instant::now();
    let mut view = View::new(arguments.headless);
    let network = Arc::new(Network::open_or_found(home, START_MS)?);
    let clock = Arc::new(ManualClock::at(START_MS));
    let mut platform = Platform::start(network.clone(), clock).await?;
    let interrupted = Shutdown::on_signals(DRAIN).or_environment("signals")?;
    let told = tell(arguments, &mut platform, &mut view, &interrupted).await;
    let log = platform.log.clone();
    let (mut summary, facts) = match told {
        Ok(told) => told,
        Err(failure) => {
            // What went wrong first is what matters.
            let _also = platform.stop().await;
            return Err(failure);
        }
    };
    summary.episodes = episodes::episodes(&network, &*log).await?;
    platform.stop().await?;
    summary.seconds = begun.elapsed().as_secs_f64();
    let json = serde_json::to_string_pretty(&summary).or_environment("the summary does not encode")? + "\n";
    kit::write_atomic(&home.summary(), json.as_bytes(), 0o644).or_environment("the summary cannot be written")?;
    view.finish(&facts);
    crate::console::print(&where_to_look(home, &summary));
    if interrupted.is_triggered() {
        return Ok(());
    }
    complete(&summary)
}

/// The whole story: backfill, then the live part; then everything is flushed, mailed and anchored.
async fn tell(
    arguments: &cli::Demo,
    platform: &mut Platform,
    view: &mut View,
    interrupted: &Shutdown,
) -> Outcome<(Summary, Facts)> {
    let mut feed = Feed::start(platform, arguments.seed).await?;
    let mut observer = Observer::new(platform);
    feed.backfill(platform, |time_ms, story| view.show(&observer.look(platform, time_ms, story))).await?;
    let origin = Instant::now();
    let mut time_ms = people::LIVE_MS;
    while time_ms < END_MS && !interrupted.is_triggered() {
        time_ms = (time_ms + feed::STEP_MS).min(END_MS);
        feed.step(platform, time_ms).await?;
        observer.count_blocks(platform).await?;
        view.show(&observer.look(platform, time_ms, feed.story()));
        #[expect(clippy::cast_precision_loss, reason = "three days in milliseconds, for waiting")]
        let due = Duration::from_secs_f64((time_ms - people::LIVE_MS) as f64 / 1_000.0 / arguments.speed);
        tokio::select! {
            () = tokio::time::sleep_until((origin + due).into()) => {}
            () = interrupted.triggered() => {}
        }
        if let Some(failure) = platform.broken() {
            return Err(failure);
        }
    }
    feed.finish(platform, time_ms).await?;
    observer.count_blocks(platform).await?;
    let facts = observer.look(platform, time_ms, feed.story());
    let summary = Summary {
        readings: facts.readings,
        rejected: platform.monitor.borrow().rejected + feed.rejected(),
        anomalies: facts.anomalies,
        episodes: Vec::new(),
        mails: facts.mails,
        phc: PhcLine { patients: u64::from(people::PEOPLE), blocks: facts.blocks, anchored: feed.anchored() },
        record_chain: RecordLine {
            height: facts.height,
            transactions: facts.transactions,
            validators: platform.record.all().len() as u64,
        },
        claims: feed.story().claims().to_vec(),
        seconds: 0.0,
    };
    Ok((summary, facts))
}

/// What the story promises: an episode mailed, every chain anchored, the four verdicts.
fn complete(summary: &Summary) -> Outcome {
    let missing = |what: &str| Err(Failure::wrong(format_args!("the story ended without {what}; see summary.json")));
    if summary.mails == 0 || !summary.episodes.iter().any(|episode| episode.route == "forest") {
        return missing("a mailed episode that the forest found");
    }
    if summary.phc.anchored < summary.phc.patients {
        return missing("an anchor over every personal chain");
    }
    match VERDICTS.iter().find(|verdict| !summary.claims.iter().any(|claim| claim.verdict == **verdict)) {
        Some(verdict) => missing(&format!("a claim answered with {verdict}")),
        None => Ok(()),
    }
}

fn where_to_look(home: &Home, summary: &Summary) -> String {
    let dir = home.dir().display();
    let mut out = format!("\n{:.0} s. {} episodes:\n", summary.seconds, summary.episodes.len());
    for episode in &summary.episodes {
        let end = episode.end.as_deref().unwrap_or("open");
        out += &format!("  {}  {} ({})  {} to {end}\n", episode.patient, episode.signal, episode.route, episode.start);
    }
    out += "Claims:\n";
    for claim in &summary.claims {
        out += &format!("  {}  {}  {dir}/{}\n", claim.id, claim.verdict, claim.receipt);
    }
    out += &format!("Look at\n  {dir}/mail/*.eml        what the clinician on call got; open one in a mail program\n");
    out += &format!("  {dir}/summary.json\n");
    out += &format!("  caduceus check --data-dir {dir}\n");
    if let Some(claim) = summary.claims.first() {
        out += &format!("  caduceus verify receipt {dir}/{} --genesis {dir}/genesis.json\n", claim.receipt);
    }
    out
}
