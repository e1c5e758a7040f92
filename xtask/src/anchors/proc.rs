//! What `/proc` says of a process (proc(5)).

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Linux counts CPU time for user space in hundredths of a second on every platform that we know.
pub(super) const TICKS_PER_S: f64 = 100.0;
/// A process that uses less than a fiftieth of a core is waiting.
const QUIET_SHARE: f64 = 0.02;
const LOOK: Duration = Duration::from_millis(50);
/// As often it is looked; who is not quiet by then counts as he is.
const LOOKS: usize = 60;

/// CPU time of the process's threads so far, nanoseconds: the first field of their `schedstat`. Threads that have ended are left out.
pub(super) fn threads_cpu_ns(pid: u32) -> Result<f64> {
    let folder = format!("/proc/{pid}/task");
    let threads = fs::read_dir(&folder).with_context(|| format!("reading {folder}"))?;
    let mut sum = 0.0;
    for thread in threads {
        let path = thread.with_context(|| format!("reading {folder}"))?.path().join("schedstat");
        // A thread may end between the two reads.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let used = text.split(' ').next().and_then(|field| field.parse::<f64>().ok());
        sum += used.with_context(|| format!("{} has no CPU time", path.display()))?;
    }
    Ok(sum)
}

/// CPU time of a process, in both ways that the system counts it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cpu {
    /// To the nanosecond, of the threads that there are.
    threads_s: f64,
    /// In hundredths of a second, also of threads that have ended.
    process_s: f64,
}

impl Cpu {
    pub(super) fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let process_s = process_cpu_s(&stat).with_context(|| format!("{path} has no CPU time"))?;
        Ok(Self { threads_s: threads_cpu_ns(pid)? / 1e9, process_s })
    }

    /// What was used since: of the threads, unless one has ended and taken its time with it.
    pub(super) fn since(self, before: Self) -> f64 {
        let (threads_s, process_s) = (self.threads_s - before.threads_s, self.process_s - before.process_s);
        // Rounding of the coarser one to hundredths, at both ends.
        if process_s - threads_s > 3.0 / TICKS_PER_S { process_s } else { threads_s }
    }
}

/// CPU time once the process is quiet: what it does in the background after an answer, fetching the next messages above all, is
/// part of what the answer costs.
pub(super) fn quiet_cpu(pid: u32) -> Result<Cpu> {
    let mut before = Cpu::of(pid)?;
    for _ in 0..LOOKS {
        thread::sleep(LOOK); // nothing tells when it is quiet
        let now = Cpu::of(pid)?;
        if now.threads_s - before.threads_s < QUIET_SHARE * LOOK.as_secs_f64() {
            return Ok(now);
        }
        before = now;
    }
    Ok(before)
}

/// User and system time of the whole process, seconds: fields 14 and 15. The name, field 2, may hold blanks and brackets.
fn process_cpu_s(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut ticks = || times.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_S)
}

/// Memory of the process at its highest, MiB.
pub(super) fn peak_mib(pid: u32) -> Option<f64> {
    peak_of(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn peak_of(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1_024.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn user_and_system_time_are_found_behind_any_name() {
        let stat = "4242 (a) b (c)) S 1 4242 4242 0 -1 4194304 100 0 0 0 1250 75 3 4 20 0 9 0 100 200 300";
        assert!((process_cpu_s(stat).unwrap() - 13.25).abs() < 1e-9);
        assert_eq!(process_cpu_s("4242 (short) S 1 2"), None);
        assert_eq!(process_cpu_s(""), None);
    }

    #[test]
    fn time_of_a_thread_that_ended_is_not_lost() {
        let before = Cpu { threads_s: 10.0, process_s: 10.0 };
        let all_there = Cpu { threads_s: 10.513, process_s: 10.52 };
        assert!((all_there.since(before) - 0.513).abs() < 1e-9);
        let one_gone = Cpu { threads_s: 6.0, process_s: 10.52 };
        assert!((one_gone.since(before) - 0.52).abs() < 1e-9);
    }

    #[test]
    fn the_highest_memory_is_in_mib() {
        assert_eq!(peak_of("Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t  2048 kB\n"), Some(2.0));
        assert_eq!(peak_of("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let pid = std::process::id();
        let cpu = Cpu::of(pid).unwrap();
        assert!(cpu.threads_s > 0.0 && peak_mib(pid).unwrap() > 0.1, "{cpu:?}");
    }
}
