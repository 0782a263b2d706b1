"""The control API, `/-/sandbox/`: what tests and stories steer the sandbox with. Guarded by `X-Sandbox-Token`.

Misuse is answered with 400 and one sentence under `error`.
"""
