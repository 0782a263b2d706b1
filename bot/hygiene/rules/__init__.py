"""The audit's rules, one file each, named by their id and what is wrong.

A rule module has `INFO`, its RuleInfo, and `judge(facts) -> Iterable[Finding]`: findings for what fails or cannot be
judged, nothing for what passes. Rules are pure and know nothing of each other.
"""
