"""Converts TensorFlow's XLA programs to the form that JAX compiles, with JAX's private modules.

This needs JAX alone, and neither TensorFlow nor this project.
"""

from __future__ import annotations

import re

from jax._src.lib import _jax
from jax._src.lib.mlir import ir
from jaxlib import _hlo

# "{3}: (7, {}, may-alias)" in a module's header: result 3 takes the place of parameter 7.
_ALIAS = re.compile(r"\{(\d+)\}: \((\d+), \{\}")


def to_stablehlo(serialized: bytes) -> tuple[ir.Module, dict[int, int]]:
    """Converts a serialized HloModuleProto; call it in a context of `mlir.make_ir_context()`.

    Returns:
        The module, and the number of the result that takes the place of a parameter, by the number
        of the parameter.
    """
    header = _hlo.XlaComputation(serialized).get_hlo_module().to_string().partition("\n")[0]
    aliases = {int(parameter): int(result) for result, parameter in _ALIAS.findall(header)}
    module = ir.Module.parse(_jax.mlir.hlo_to_stablehlo(serialized))
    _drop_copies(module.body)
    (function,) = (
        operation for operation in module.body.operations if str(operation.name) == '"main"'
    )
    attributes = []
    for number, given in enumerate(function.arg_attrs):
        named = {one.name: one.attr for one in given}
        if number in aliases:
            integer = ir.IntegerType.get_signless(32)
            named["tf.aliasing_output"] = ir.IntegerAttr.get(integer, aliases[number])
        attributes.append(ir.DictAttr.get(named))
    function.arg_attrs = ir.ArrayAttr.get(attributes)
    return module, aliases


def _drop_copies(block: ir.Block) -> None:
    """Removes TensorFlow's copies of results, which no compiler from StableHLO knows."""
    for operation in list(block.operations):
        if operation.operation.name == "mhlo.copy":
            operation.results[0].replace_all_uses_with(operation.operands[0])
            operation.operation.erase()
            continue
        for region in operation.operation.regions:
            for inner in region.blocks:
                _drop_copies(inner)
