//! Logs to stderr and metrics in memory. Neither may carry patient data: identifiers in logs are blinded references, values never
//! appear, and metric labels come from closed lists.

use std::io::IsTerminal;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::{Error, Result};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Begins to log to stderr, once a process. `filter` is a level or directives such as `info,notify=debug`.
///
/// # Errors
/// [`Error::Configuration`] for a filter that does not parse, [`Error::Telemetry`] where logging has begun already.
pub fn init(format: Format, filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| Error::Configuration {
        place: format!("log filter {filter:?}"),
        reason: format!(
            "{error}; write a level (error, warn, info, debug, trace) or directives such as info,notify=debug"
        ),
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        Format::Text => logs.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => logs.json().flatten_event(true).try_init(),
    }
    .map_err(|error| Error::Telemetry(error.to_string()))
}

/// Buckets of every histogram whose name ends in `_seconds`, in seconds.
const SECONDS_BUCKETS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

static METRICS: OnceLock<std::result::Result<PrometheusHandle, String>> = OnceLock::new();

/// Begins to collect metrics. Calling it again changes nothing; [`health_router`](crate::health_router) calls it when asked for
/// metrics, but what was counted before is then missing, so call it first.
///
/// # Errors
/// [`Error::Telemetry`] where another recorder was installed.
pub fn init_metrics() -> Result<()> {
    handle().map(|_| ())
}

/// All metrics in Prometheus' text format.
///
/// # Errors
/// As [`init_metrics`].
pub fn render_metrics() -> Result<String> {
    let handle = handle()?;
    handle.run_upkeep();
    Ok(handle.render())
}

fn handle() -> Result<&'static PrometheusHandle> {
    let installed = METRICS.get_or_init(|| {
        let seconds = metrics_exporter_prometheus::Matcher::Suffix("_seconds".into());
        PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, &SECONDS_BUCKETS)
            .map_err(|error| error.to_string())?
            .install_recorder()
            .map_err(|error| error.to_string())
    });
    installed.as_ref().map_err(|error| Error::Telemetry(error.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_filter_that_does_not_parse_is_refused_with_what_to_write() {
        let error = init(Format::Text, "info,notify=loud").unwrap_err();
        assert!(error.to_string().contains("info,notify=debug"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn what_was_counted_is_rendered_with_buckets() {
        init_metrics().unwrap();
        metrics::counter!("kit_test_total").increment(3);
        metrics::histogram!("kit_test_seconds").record(0.02);
        let text = render_metrics().unwrap();
        assert!(text.contains("kit_test_total 3"), "{text}");
        assert!(text.contains("kit_test_seconds_bucket{le=\"0.025\"} 1"), "{text}");
    }
}
