"""Conditions before any public write, one file each.

Every module has `NAME` (its word in the JSON) and `judge(wanted, facts)`: a GateResult, or the Look it needs first, or
None from a gate that policy has to ask for and does not.
"""
