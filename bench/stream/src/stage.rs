//! The broker and what is in it: starts it, opens the chains, writes the messages, and looks at the alerts in the end.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use phc::messages::{PHC_BLOCKS, READINGS};
use serde_json::{Value, json};
use stream::{Append, Batch, EventLog as _, KafkaLog, Writer};
use testkit::kafka::Broker;
use tokio::runtime::Runtime;

use crate::message::{self, JSON_TOPIC};
use crate::plan::Plan;
use crate::population::{Person, Population, seeded};
use crate::simulated::Body;
use crate::{Answers, alerts, kafka};

/// Records that are appended in one transaction.
const APPENDS: usize = 5_000;

pub(crate) struct Stage {
    broker: Broker,
    runtime: Runtime,
    log: KafkaLog,
    writer: Box<dyn Writer>,
    patients: u32,
    plan: Option<Plan>,
}

impl Stage {
    /// Starts the broker and makes the topics, those of the named pipelines too.
    pub(crate) fn start(patients: u32, pipelines: &[&str]) -> Result<Self> {
        let broker = Broker::start(&[])?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (log, writer) = runtime.block_on(async {
            let log = kafka::create(&broker.bootstrap(), pipelines).await?;
            let writer = log.writer("anchors-stage").await?;
            anyhow::Ok((log, writer))
        })?;
        Ok(Self { broker, runtime, log, writer, patients, plan: None })
    }

    /// Opens every patient's chain.
    fn open(&mut self) -> Result<()> {
        let (population, mut rng) = (Population::new(), seeded(u32::MAX - 1));
        let mut appends = Vec::new();
        for number in 0..self.patients {
            let (chain, block, time_ms) = population.person(number).opening_block(&mut rng)?;
            appends.push(Append::new(PHC_BLOCKS, chain.id.0.to_vec(), time_ms, block));
            if appends.len() == APPENDS || number + 1 == self.patients {
                self.append(&mut appends)?;
            }
        }
        Ok(())
    }

    /// Writes the plan's messages: sealed, and as JSON where it is wanted.
    fn fill(&mut self, plan: Plan, with_json: bool) -> Result<Value> {
        let (population, mut rng) = (Population::new(), seeded(u32::MAX - 2));
        let people: Vec<Person> = (0..self.patients).map(|number| population.person(number)).collect();
        let mut bodies: Vec<Body> = (0..self.patients).map(|number| Body::new(&plan, number)).collect();
        let mut sent = vec![0_u32; bodies.len()];
        let (mut sealed_bytes, mut json_bytes) = (0, 0);
        let (mut sealed, mut clear) = (Vec::new(), Vec::new());
        for minute in 0..plan.minutes() {
            let sending = (0..plan.sending(minute)).zip(people.iter().zip(&mut bodies)).zip(&mut sent);
            for ((patient, (person, body)), sent) in sending {
                let (values, number) = (body.values(minute), std::mem::replace(sent, *sent + 1));
                let batch = message::batch(number, minute, &values);
                let key = person.keys.stream(&person.chain)?;
                let value = phc::seal_topic_value(key, &person.chain, READINGS, &batch, &mut rng);
                sealed_bytes += value.len();
                sealed.push(Append::new(READINGS, person.chain.id.0.to_vec(), batch.received_ms, value));
                if with_json {
                    let mut text = String::with_capacity(256);
                    message::json(&mut text, patient, number, minute, &values);
                    json_bytes += text.len();
                    clear.push(Append::new(JSON_TOPIC, Bytes::new(), batch.received_ms, text));
                }
                if sealed.len() == APPENDS {
                    self.append(&mut sealed)?;
                    self.append(&mut clear)?;
                }
            }
        }
        self.append(&mut sealed)?;
        self.append(&mut clear)?;
        let messages = plan.messages();
        let said = json!({
            "training": plan.training_messages(),
            "messages": messages,
            "sealed_bytes": sealed_bytes as f64 / messages as f64,
            "json_bytes": json_bytes as f64 / messages as f64,
            "episodes": (0..self.patients).filter_map(|patient| plan.episode(patient)).count(),
        });
        self.plan = Some(plan);
        Ok(said)
    }

    fn append(&mut self, appends: &mut Vec<Append>) -> Result<()> {
        let appends = std::mem::take(appends);
        if !appends.is_empty() {
            self.runtime.block_on(self.writer.commit(Batch::of(appends))).context("writing to the broker")?;
        }
        Ok(())
    }
}

impl Answers for Stage {
    fn answer(&mut self, words: &[&str]) -> Result<Value> {
        match words {
            ["hello"] => Ok(json!({
                "versions": { "kafka": testkit::kafka::VERSION },
                "bootstrap": self.broker.bootstrap(),
                "pid": self.broker.pid(),
            })),
            ["open"] => {
                self.open()?;
                Ok(json!({ "patients": self.patients }))
            }
            ["fill", joining, training, minutes, form] => {
                let number = |text: &str| text.parse().with_context(|| format!("no number: {text}"));
                let plan = Plan::new(self.patients, number(joining)?, number(training)?, number(minutes)?);
                self.fill(plan, *form == "json")
            }
            ["alerts", pipeline, messages] => {
                let plan = self.plan.as_ref().context("fill it first")?;
                let through = messages.parse().context("no number of messages")?;
                self.runtime.block_on(alerts::count(&self.log, plan, pipeline, through))
            }
            _ => bail!("unknown command {words:?}"),
        }
    }
}
