"""The subcommands of `xlnet-pipeline`, one module for each.

A module has `HELP` (one line), `EXAMPLES` (commands with a short explanation),
`add_arguments(parser)`, and `run(options)`, which returns the exit status. `--help` imports all of
these modules, so they must not import anything slow at the top.
"""
