"""The subcommands of `xlnet-pipeline`, a module each.

A module has `HELP` (one line), `EXAMPLES` (commands, a word about each), `add_arguments(parser)`
and `run(options) -> exit status`. It imports nothing heavy at its top: `--help` loads them all.
"""
