#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark: lanes that measure us against a yardstick, ours and its in turns in one run. Ratios above 1 are better
for us. Words choose lanes; BENCH_ROUNDS and BENCH_SECONDS make them longer or shorter."""

import importlib
import os
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / d) for d in ("interop", "scenarios", "fleet")]

import figures  # noqa: E402

LANES = ("rpc", "admin", "fleet", "proxy", "exec", "policy")


def main():
    lanes = sys.argv[1:] or LANES
    if unknown := set(lanes) - set(LANES):
        sys.exit(f"bench: no lane {', '.join(sorted(unknown))}; there are {', '.join(LANES)}")
    if (load := os.getloadavg()[0]) > 0.5:
        print(f"Others use this machine (load {load:.1f}): trust what is counted (system calls, instructions, memory)")
        print("and processor time more than what a clock says, which includes waiting for a processor.\n")
    measured = []
    for lane in lanes:
        results = figures.Results()
        importlib.import_module(lane).measure(results)
        results.write(lane)
        measured.append(results)
    figures.show(measured)


main()
