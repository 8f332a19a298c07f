# SPDX-License-Identifier: Apache-2.0
"""Figures: ours and the yardstick's, taken in turns in one run; medians, and how many times better ours is."""

import json
import os
import statistics
import textwrap

import aims
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
        """build/bench/LANE.json."""
        out = outside.BUILD / "bench" / f"{lane}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(list(self.rows()), indent=2) + "\n")


def show(lanes):
    """All figures of these Results, then what is behind, and why."""
    rows = [row for results in lanes for row in results.rows()]
    more = {name for results in lanes for name, (_, better) in results.units.items() if better}
    width = max(len(r["name"]) for r in rows)
    print(f"{'':{width}} {'ours':>12} {'yardstick':>12} {'ratio':>8}")
    for r in rows:
        better = "more" if r["name"] in more else "less"
        unit = f"{r['unit']}, {better}" if r["unit"] else better
        print(f"{r['name']:{width}} {r['ours']:12.2f} {r['yardstick']:12.2f} {r['ratio']:8.2f}  {unit}")
    print("\nBehind the unit: whether more of it is better, or less. The ratio says how many times better ours is, so")
    print("that above 1 is good for us in every line; medians of rounds in which both were measured in turns.")
    behind = [(r["name"], why) for r in rows if (why := aims.missed(r))]
    if behind:
        print("\nBehind an aim or, where there is none, the yardstick:")
        for name, why in behind:
            print(textwrap.fill(f"{name}: {why}.", 110, initial_indent="* ", subsequent_indent="  "))
