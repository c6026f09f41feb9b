"""Plots are well-formed, and their axes have round numbers."""

import xml.etree.ElementTree as ElementTree

import pytest

from bench.svg import HEIGHT, Line, Scale, plot, round_step


def _svg(text: str) -> ElementTree.Element:
    figure = ElementTree.fromstring(text.replace("<br>", "<br/>"))
    svg = figure.find("svg")
    assert svg is not None
    return svg


def test_each_line_is_a_curve_through_its_points() -> None:
    svg = _svg(plot("A & B", [Line("a<b", [(0, 1), (1, 2)]), Line("c", [(0, 0)])], "s", "n"))
    curves = svg.findall("polyline")
    assert len(curves) == 2
    assert len(curves[0].attrib["points"].split()) == 2


def test_the_vertical_axis_begins_at_nothing() -> None:
    (curve, _) = _svg(plot("", [Line("a", [(0, 0)]), Line("b", [(0, 9)])], "", "")).findall("polyline")
    assert float(curve.attrib["points"].split()[0].split(",")[1]) > HEIGHT - 50


def test_a_plot_of_nothing_is_nothing() -> None:
    assert plot("empty", [Line("a", [])], "", "") == ""


def test_a_single_point_at_zero_can_be_drawn() -> None:
    assert _svg(plot("", [Line("a", [(3, 0)])], "", "")).findall("polyline")


@pytest.mark.parametrize(("rough", "step"), [(0.03, 0.05), (1, 1), (1.1, 2), (3, 5), (7, 10), (1500, 2000)])
def test_steps_are_round(rough: float, step: float) -> None:
    assert round_step(rough) == pytest.approx(step)


def test_ticks_are_multiples_of_the_step_within_the_range() -> None:
    assert Scale(0, 10, 0, 100).ticks() == [0, 2, 4, 6, 8, 10]
    assert Scale(0, 10, 0, 100).at(5) == 50


def test_a_single_point_is_a_dot_and_not_nothing() -> None:
    drawn = plot("one", [Line("a", [(1.0, 2.0)])], "x", "y")
    places = drawn.partition('points="')[2].partition('"')[0].split()
    assert len(places) == 2
    assert places[0] == places[1]
