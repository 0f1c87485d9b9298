# SPDX-License-Identifier: Apache-2.0
"""Rules about the suites themselves."""

import importlib.util

from . import house


def suites_module():
    """tests/suites.py, read anew."""
    spec = importlib.util.spec_from_file_location("suites", house.TOP / "tests/suites.py")
    suites = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(suites)
    return suites


def rule_suites():
    """tests/suites.py lists every C test program that is built, and no other"""
    return suites_module().list_faults()
