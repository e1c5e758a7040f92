"""The scorer's rules, on small corpora whose answer is known. Run: python3 -m unittest discover bench/nab"""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nab_score
from nab_score import PROFILES, Series, best_threshold, evaluate, falling_sigmoid, report, row_values

STANDARD = PROFILES["standard"]


def one(rows=1000, windows=((500, 539),), profile=STANDARD, name="group/file.csv"):
    return Series(name, rows, list(windows), profile)


def alerts(rows, *at, score=1.0):
    return [score if row in at else 0.0 for row in range(rows)]


class Rules(unittest.TestCase):
    def test_row_values_are_those_in_the_benchmarks_own_result_files(self):
        # realAdExchange/exchange-4_cpm_results.csv, the window from 2011-07-31 11:15:01, 41 rows: in it and behind it.
        values, owners = row_values(1000, [(500, 540)], STANDARD)
        self.assertEqual(owners[499:542], [None] + [0] * 41 + [None])
        published = {
            500: 1.0, 501: 0.9982536267122032, 515: 0.9319100328720534, 539: 0.1229966337648126, 540: 0.06172640359630795,
            541: -0.006866062142226371, 546: -0.03941931381858645, 607: -0.10994928852116152, 660: -0.10999993270151008,
            661: -0.11,
        }
        for row, value in published.items():
            self.assertAlmostEqual(values[row], value, places=12, msg=f"row {row}")

    def test_no_alert_scores_0_and_a_perfect_detector_100(self):
        files = [one(), one(windows=(), name="group/quiet.csv")]
        self.assertEqual(report(files, [alerts(1000), alerts(1000)], STANDARD)["score"], 0.0)
        perfect = report(files, [alerts(1000, 500), alerts(1000)], STANDARD)
        self.assertAlmostEqual(perfect["score"], 100.0, places=9)
        self.assertEqual((perfect["found"], perfect["false_alerts"]), (1, 0))
        for name in PROFILES:
            files = [one(profile=PROFILES[name])]
            self.assertAlmostEqual(report(files, [alerts(1000, 500)], PROFILES[name])["score"], 100.0, places=9)
            self.assertEqual(report(files, [alerts(1000)], PROFILES[name])["score"], 0.0)

    def test_a_false_alert_before_any_window_costs_its_full_weight(self):
        total, found, false_alerts = evaluate(one(), alerts(1000, 300), 0.5)
        self.assertEqual((round(total, 12), found, false_alerts), (-1.11, 0, 1))

    def test_a_false_alert_close_behind_a_window_costs_less_than_one_far_behind(self):
        near, _, _ = evaluate(one(), alerts(1000, 540), 0.5)
        self.assertAlmostEqual(near, -1.0 + 0.11 * falling_sigmoid(1 / 39), places=12)
        far, _, _ = evaluate(one(), alerts(1000, 900), 0.5)
        self.assertAlmostEqual(far, -1.11, places=12)

    def test_only_the_best_alert_of_a_window_counts(self):
        late, _, _ = evaluate(one(), alerts(1000, 530), 0.5)
        both, found, _ = evaluate(one(), alerts(1000, 510, 530), 0.5)
        early, _, _ = evaluate(one(), alerts(1000, 510), 0.5)
        self.assertEqual((both, found), (early, 1))
        self.assertLess(late, early)

    def test_probation_neither_earns_nor_costs_and_ends_after_750_rows(self):
        self.assertEqual(evaluate(one(), alerts(1000, *range(150)), 0.5)[0], -1.0)
        self.assertEqual(evaluate(one(), alerts(1000, 150), 0.5)[2], 1)
        self.assertEqual(nab_score.probation_rows(20_000), 750)
        self.assertEqual(nab_score.probation_rows(1_243), 186)

    def test_one_threshold_serves_all_files_and_equal_scores_alert_together(self):
        files = [one(), one(name="group/other.csv")]
        scores = [alerts(1000, 500, score=0.4), alerts(1000, 500, score=0.9)]
        self.assertEqual(best_threshold(files, scores)[1], 0.4)
        # Fifty false alerts at the same score cost more than the window earns: stay above them.
        scores[0] = [0.4 if row == 500 or 200 <= row < 250 else 0.0 for row in range(1000)]
        total, threshold = best_threshold(files, scores)
        self.assertEqual((round(total, 9), threshold), (0.0, 0.9))

    def test_the_threshold_found_is_the_best_by_brute_force(self):
        state = 12345
        scores = []
        for _ in range(600):
            state = (state * 1103515245 + 12345) % 2**31
            scores.append((state >> 16) % 37 / 37)
        file = one(rows=600, windows=((200, 230), (400, 455)))
        total, threshold = best_threshold([file], [scores])
        tried = [(evaluate(file, scores, t)[0], t) for t in sorted(set(scores), reverse=True)]
        tried.append((file.total_without_alerts(), None))
        self.assertAlmostEqual(total, max(t[0] for t in tried), places=9)
        self.assertAlmostEqual(total, evaluate(file, scores, threshold)[0], places=9)


class Files(unittest.TestCase):
    def run_on(self, rows, labels, *options):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "group"))
            with open(os.path.join(folder, "group", "a.csv"), "w", encoding="utf-8") as file:
                file.write("timestamp,value,score,raw_score\n" + "".join(rows))
            windows = os.path.join(folder, "windows.json")
            with open(windows, "w", encoding="utf-8") as file:
                json.dump(labels, file)
            out, error = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
                code = nab_score.main([folder, "--windows", windows, *options])
            return code, out.getvalue(), error.getvalue()

    rows = [f"2014-01-01 {n // 60:02}:{n % 60:02}:00,1.0,{1.0 if n == 60 else 0.0},0.5\n" for n in range(100)]
    labels = {"group/a.csv": [["2014-01-01 01:00:00.000000", "2014-01-01 01:09:00.000000"]]}

    def test_a_directory_of_outputs_is_scored_by_column(self):
        code, out, _ = self.run_on(self.rows, self.labels)
        answer = json.loads(out)
        self.assertEqual(code, 0)
        self.assertAlmostEqual(answer["columns"]["score"]["score"], 100.0, places=9)
        self.assertEqual(answer["columns"]["raw_score"]["score"], 0.0)
        self.assertAlmostEqual(answer["columns"]["score"]["groups"]["group"]["score"], 100.0, places=9)

    def test_what_cannot_be_scored_is_refused_with_the_place(self):
        code, _, error = self.run_on(["2014-01-01 00:00:00,1.0,nan,0.5\n"], self.labels)
        self.assertTrue(code == 1 and "line 2" in error and "score" in error, error)
        code, _, error = self.run_on(self.rows, {**self.labels, "group/b.csv": []})
        self.assertTrue(code == 1 and "group/b.csv" in error, error)
        self.assertEqual(self.run_on(self.rows, {**self.labels, "group/b.csv": []}, "--allow-absent")[0], 0)
        code, _, error = self.run_on(self.rows[:50], self.labels)
        self.assertTrue(code == 1 and "does not lie" in error, error)
        code, _, error = self.run_on(self.rows, self.labels, "--columns", "other")
        self.assertTrue(code == 1 and "no column other" in error, error)


if __name__ == "__main__":
    unittest.main()
