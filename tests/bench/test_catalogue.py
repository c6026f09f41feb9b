"""Every figure has a name for people, and the keys that were promised are there."""

from bench.catalogue import CATALOGUE, Better, kind_of

PROMISED = {
    "accepted_per_s",
    "connections",
    "delivered_per_s",
    "idle_cpu_percent",
    "kernel_bytes_per_connection",
    "logins_per_s",
    "p50_ms",
    "p99_ms",
    "ticked_per_s",
    "worker_bytes_per_connection",
    "worker_cpu_us_per_message",
}


def test_the_keys_that_stay_are_there() -> None:
    assert CATALOGUE.keys() >= PROMISED


def test_rates_are_better_higher_and_costs_lower() -> None:
    assert all(kind.better is Better.HIGHER for key, kind in CATALOGUE.items() if key.endswith("_per_s"))
    assert all(kind.better is Better.LOWER for key, kind in CATALOGUE.items() if key.endswith(("_ms", "_us")))


def test_a_figure_of_another_version_is_shown_by_its_key() -> None:
    assert kind_of("brand_new").title == "brand_new"
