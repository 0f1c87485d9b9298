# SPDX-License-Identifier: Apache-2.0
"""Rules about the suites themselves."""

import importlib.util

from . import house


def rule_suites():
    """tests/suites.py lists every C test program that is built, and no other"""
    spec = importlib.util.spec_from_file_location("suites", house.TOP / "tests/suites.py")
    suites = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(suites)
    return suites.list_faults()
