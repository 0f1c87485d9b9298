# SPDX-License-Identifier: Apache-2.0
"""The rules of script/lint, and what they know of the house. house.py has the tables."""
