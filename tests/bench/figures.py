# SPDX-License-Identifier: Apache-2.0
"""Figures: ours and the yardstick's, taken in turns in one run; medians, and how many times better ours is."""

import json
import os
import statistics

import outside

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
KINDS = ("ours", "yardstick")


class Results:
    def __init__(self):
        self.samples = {}
        self.units = {}

    def add(self, name, kind, value, unit, more_is_better=False):
        self.samples.setdefault(name, {}).setdefault(kind, []).append(value)
        self.units[name] = (unit, more_is_better)

    def rows(self):
        for name, kinds in self.samples.items():
            unit, more = self.units[name]
            ours, yard = (statistics.median(kinds[k]) for k in KINDS)
            ratio = (ours / yard if yard else 0) if more else (yard / ours if ours else 0)
            yield {
                "name": name,
                "ours": round(ours, 3),
                "yardstick": round(yard, 3),
                "ratio": round(ratio, 3),
                "unit": unit,
            }

    def write(self, lane):
        """build/bench/LANE.json; returns the rows."""
        rows = list(self.rows())
        out = outside.BUILD / "bench" / f"{lane}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(rows, indent=2) + "\n")
        return rows


def show(rows):
    width = max(len(r["name"]) for r in rows)
    print(f"{'':{width}} {'ours':>12} {'yardstick':>12} {'ratio':>8}")
    for r in rows:
        print(f"{r['name']:{width}} {r['ours']:12.2f} {r['yardstick']:12.2f} {r['ratio']:8.2f}  {r['unit']}")
