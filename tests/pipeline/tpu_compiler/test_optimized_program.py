from pipeline.tpu_compiler import optimized_program

# As libtpu writes it, shortened: fusions carry their cycles, loops their number of rounds.
TEXT = """\
HloModule step, is_scheduled=true

%fused.1 (p: f32[8]) -> f32[8] {
  %p = f32[8]{0} parameter(0)
  ROOT %twice = f32[8]{0} add(%p, %p), metadata={op_name="model/layer_0/ff/add"}
}

%body.2 (c: (s32[], f32[8])) -> (s32[], f32[8]) {
  %c = (s32[], f32[8]{0}) parameter(0)
  %inner = f32[8]{0} fusion(%c), kind=kLoop, calls=%fused.1, metadata={op_name="model/layer_1/ff/add_2"}, backend_config={"window_config":{"estimated_cycles":"10"}}
  ROOT %t = (s32[], f32[8]{0}) tuple(%inner)
}

%condition.3 (c: (s32[], f32[8])) -> pred[] {
  %c = (s32[], f32[8]{0}) parameter(0)
  ROOT %less = pred[] compare(%c, %c), direction=LT
}

ENTRY %main.4 (x: f32[8]) -> f32[8] {
  %x = f32[8]{0} parameter(0)
  %first = f32[8]{0} fusion(%x), kind=kLoop, calls=%fused.1, metadata={op_name="model/layer_0/ff/add_1;MatMul_7"}, backend_config={"window_config":{"estimated_cycles":"700"}}
  %plain = f32[8]{0} copy(%first), backend_config={"window_config":{"estimated_cycles":"5"}}
  %known = (s32[], f32[8]{0}) while(%plain), condition=%condition.3, body=%body.2, backend_config={"known_trip_count":{"n":"4"}}
  %unknown = (s32[], f32[8]{0}) while(%known), condition=%condition.3, body=%body.2
  ROOT %done = f32[8]{0} get-tuple-element(%unknown), index=1
}
"""  # noqa: E501


def test_cycles_are_added_up_by_place_and_rounds(tmp_path):
    path = tmp_path / "step.txt"
    path.write_text(TEXT)
    program = optimized_program.read(path)
    assert program.places == (
        ("model/layer_*/ff/add;MatMul", 700),
        # Four rounds of the loop whose number is known, and one of the other.
        ("model/layer_*/ff/add", 50),
        ("(no name)", 5),
    )
    assert program.cycles == 755
    assert program.loops == 2
    assert program.instructions == 13


def test_a_program_without_estimates_has_no_cycles(tmp_path):
    path = tmp_path / "step.txt"
    path.write_text("ENTRY %main (x: f32[8]) -> f32[8] {\n  ROOT %x = f32[8]{0} parameter(0)\n}\n")
    program = optimized_program.read(path)
    assert (program.cycles, program.places) == (0, ())
