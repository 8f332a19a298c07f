# SPDX-License-Identifier: Apache-2.0
"""Every point of the contract has scenarios in a folder of its name, and none is for a point that is not there."""

import ast
from pathlib import Path

import pytest
from points import POINTS

TOPOLOGY = None                                 # it needs no machines
HERE = Path(__file__).parent


def points_of(path):
    """The points that marks in a file name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.contract":
            yield from (ast.literal_eval(a) for a in node.args)


def held_points(folder):
    return {point for path in (HERE / folder).glob("test_*.py") for point in points_of(path)}


@pytest.mark.parametrize("point", POINTS)
def test_a_point_has_scenarios_in_its_folder(point):
    folder, _ = POINTS[point]
    assert point in held_points(folder), f"{folder}/ has no scenario that says contract({point})"


def test_scenarios_are_for_points_that_there_are():
    for folder in (p.name for p in HERE.iterdir() if p.is_dir()):
        assert held_points(folder) <= set(POINTS), folder
