#!/usr/bin/env python3
"""Scores detector output as the Numenta Anomaly Benchmark does.

Reads windows.json (file -> list of [first, last] timestamps) and a directory that holds one CSV (or .csv.gz) per
labelled file under the same relative path, with a header, a `timestamp` column and the score columns asked for.
Prints one JSON object: per score column the normalised score (0 = no alert at all, 100 = every window found at its
first row and no false alert), the one threshold that reaches it over all files, and the parts per group and file.

The rules (Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms", ICMLA 2015, and the benchmark's
public scorer), in the words used below:
  * a row alerts where its score is at least the threshold; one threshold for all files, the best one is taken;
  * the first 15 % of a file, at most 750 rows, is probation: it neither earns nor costs;
  * a window earns the value of its best alert: 1 at its first row, falling as a sigmoid to its last; a window
    without an alert costs 1 (2 in the profile that punishes misses);
  * an alert outside every window costs up to 0.11 (0.22 where false alerts are punished), less close behind a window;
  * score = 100 * (total - total without any alert) / (number of windows - total without any alert).

Standard library only.
"""

import argparse
import csv
import gzip
import io
import json
import math
import os
import sys

# Weight of a found window, of a false alert, of a missed window.
PROFILES = {
    "standard": (1.0, 0.11, 1.0),
    "reward_low_FP_rate": (1.0, 0.22, 1.0),
    "reward_low_FN_rate": (1.0, 0.11, 2.0),
}
PROBATION_SHARE = 0.15
PROBATION_ROWS = 750
# Beyond three window widths behind a window, a false alert costs its full weight.
FULL_COST_AFTER = 3.0


class InputError(Exception):
    """Something given cannot be scored; the message says what and where."""


def falling_sigmoid(position):
    """2 / (1 + e^(5 position)) - 1: near 1 at -1, 0 at 0, near -1 at +1."""
    return 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def row_values(rows, windows, profile):
    """What an alert at each row is worth, and the window (its index) it belongs to; None is outside.

    `windows` are pairs of row numbers, both inclusive, in order.
    """
    found_weight, false_weight, _ = profile
    first_row_value = falling_sigmoid(-1.0)
    values, owners = [], []
    upcoming = 0
    behind = None
    for row in range(rows):
        while upcoming < len(windows) and row > windows[upcoming][1]:
            behind = windows[upcoming]
            upcoming += 1
        if upcoming < len(windows) and row >= windows[upcoming][0]:
            first, last = windows[upcoming]
            position = -(last - row + 1) / (last - first + 1)
            values.append(found_weight * falling_sigmoid(position) / first_row_value)
            owners.append(upcoming)
            continue
        cost = -1.0
        if behind is not None and behind[1] > behind[0]:
            widths_behind = (row - behind[1]) / (behind[1] - behind[0])
            if widths_behind <= FULL_COST_AFTER:
                cost = falling_sigmoid(widths_behind)
        values.append(false_weight * cost)
        owners.append(None)
    return values, owners


def probation_rows(rows):
    """Rows at the head of a file that are not scored."""
    return min(math.floor(PROBATION_SHARE * rows), PROBATION_ROWS)


class Series:
    """One file: the value of an alert at each row that counts, and the windows that can be found or missed."""

    def __init__(self, name, rows, windows, profile):
        self.name = name
        self.group = name.split("/")[0] if "/" in name else ""
        self.windows = windows
        values, owners = row_values(rows, windows, profile)
        start = probation_rows(rows)
        self.counted = [(row, values[row], owners[row]) for row in range(start, rows)]
        self.scored_windows = sorted({owner for _, _, owner in self.counted if owner is not None})
        self.missed_weight = profile[2]

    def total_without_alerts(self):
        return -self.missed_weight * len(self.scored_windows)


def best_threshold(series, scores):
    """The threshold with the highest total over all files, and that total; the higher one of equals.

    Only thresholds that are scores of counted rows can differ, so each is tried, from the highest down.
    """
    total = sum(one.total_without_alerts() for one in series)
    best = (total, None)
    earned = {(index, window): -one.missed_weight for index, one in enumerate(series) for window in one.scored_windows}
    alerts = []
    for index, one in enumerate(series):
        for row, value, owner in one.counted:
            alerts.append((scores[index][row], index, value, owner))
    alerts.sort(key=lambda alert: -alert[0])
    for at, (score, index, value, owner) in enumerate(alerts):
        if owner is None:
            total += value
        elif value > earned[(index, owner)]:
            total += value - earned[(index, owner)]
            earned[(index, owner)] = value
        if at + 1 == len(alerts) or alerts[at + 1][0] != score:
            if total > best[0]:
                best = (total, score)
    return best


def evaluate(one, scores, threshold):
    """One file at a threshold (None: no alerts): its total, windows found, false alerts."""
    earned = {window: -one.missed_weight for window in one.scored_windows}
    cost, false_alerts = 0.0, 0
    for row, value, owner in one.counted:
        if threshold is None or scores[row] < threshold:
            continue
        if owner is None:
            cost += value
            false_alerts += 1
        else:
            earned[owner] = max(earned[owner], value)
    found = sum(1 for value in earned.values() if value > -one.missed_weight)
    return cost + sum(earned.values()), found, false_alerts


def normalised(total, without_alerts, windows, profile):
    """0 for no alerts, 100 for a perfect detector; None where there is no window to find."""
    span = profile[0] * windows - without_alerts
    return 100.0 * (total - without_alerts) / span if span else None


def report(series, scores, profile, threshold=None):
    """The JSON part of one score column."""
    if threshold is None:
        _, threshold = best_threshold(series, scores)
    files, groups = {}, {}
    for one, column in zip(series, scores):
        total, found, false_alerts = evaluate(one, column, threshold)
        part = {"total": total, "windows": len(one.windows), "found": found, "false_alerts": false_alerts}
        files[one.name] = part
        group = groups.setdefault(one.group, {"files": 0, "total": 0.0, "windows": 0, "found": 0, "false_alerts": 0, "null": 0.0})
        group["files"] += 1
        group["null"] += one.total_without_alerts()
        for key in ("total", "windows", "found", "false_alerts"):
            group[key] += part[key]
    whole = {key: sum(group[key] for group in groups.values()) for key in ("total", "null", "windows", "found", "false_alerts")}
    for group in groups.values():
        group["score"] = normalised(group["total"], group.pop("null"), group["windows"], profile)
    return {
        "score": normalised(whole["total"], whole["null"], whole["windows"], profile),
        "threshold": threshold,
        "total": whole["total"],
        "windows": whole["windows"],
        "found": whole["found"],
        "false_alerts": whole["false_alerts"],
        "groups": groups,
        "files": files,
    }


def second(stamp):
    """A timestamp without its fraction, so that labels and data meet."""
    return stamp.strip().replace("T", " ").split(".")[0]


def read_output(path, columns):
    """Timestamps and the score columns of one detector output."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as raw:
        reader = csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        missing = [name for name in ["timestamp", *columns] if name not in (reader.fieldnames or [])]
        if missing:
            raise InputError(f"{path}: no column {', '.join(missing)}; it has {', '.join(reader.fieldnames or [])}")
        stamps, values = [], {name: [] for name in columns}
        for row in reader:
            stamps.append(second(row["timestamp"]))
            for name in columns:
                try:
                    value = float(row[name])
                except (TypeError, ValueError):
                    raise InputError(f"{path}, line {reader.line_num}, column {name}: not a number: {row[name]!r}") from None
                if not math.isfinite(value):
                    raise InputError(f"{path}, line {reader.line_num}, column {name}: not finite")
                values[name].append(value)
    return stamps, values


def window_rows(name, stamps, windows):
    """Windows as row numbers; a timestamp is looked up at its first occurrence."""
    first_row = {}
    for row, stamp in enumerate(stamps):
        first_row.setdefault(stamp, row)
    rows = []
    for first, last in sorted(windows):
        pair = [first_row.get(second(first)), first_row.get(second(last))]
        if None in pair or pair[0] > pair[1]:
            raise InputError(f"{name}: the window {first} to {last} does not lie on the output's timestamps")
        rows.append(tuple(pair))
    return rows


def load(results, labels, columns, profile):
    """All labelled files that the results directory holds, and which it does not."""
    series, scores, absent = [], {name: [] for name in columns}, []
    for name in sorted(labels):
        path = next((p for p in (os.path.join(results, name), os.path.join(results, name + ".gz")) if os.path.exists(p)), None)
        if path is None:
            absent.append(name)
            continue
        stamps, values = read_output(path, columns)
        series.append(Series(name, len(stamps), window_rows(name, stamps, labels[name]), profile))
        for column in columns:
            scores[column].append(values[column])
    return series, scores, absent


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", help="directory of detector outputs, laid out as the labels' keys")
    parser.add_argument("--windows", required=True, help="windows.json of the benchmark")
    parser.add_argument("--columns", default="score,raw_score", help="score columns, by commas (default: %(default)s)")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="standard")
    parser.add_argument("--threshold", type=float, help="take this threshold instead of the best one")
    parser.add_argument("--allow-absent", action="store_true", help="score although labelled files have no output")
    options = parser.parse_args(arguments)
    profile, columns = PROFILES[options.profile], options.columns.split(",")
    try:
        with open(options.windows, encoding="utf-8") as file:
            labels = json.load(file)
        series, scores, absent = load(options.results, labels, columns, profile)
        if absent and not options.allow_absent:
            raise InputError(f"no output for {len(absent)} labelled files, first {absent[0]}; run the detector on them or give --allow-absent")
        if not series:
            raise InputError(f"{options.results} holds no output of a labelled file")
    except (InputError, OSError, ValueError) as error:
        print(f"nab_score: {error}", file=sys.stderr)
        return 1
    answer = {"profile": options.profile, "files": len(series), "absent": absent, "columns": {}}
    for column in columns:
        answer["columns"][column] = report(series, scores[column], profile, options.threshold)
    json.dump(answer, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
