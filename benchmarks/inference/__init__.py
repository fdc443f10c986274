"""Measures answers of a pushed model beside those of Hugging Face's XLNet on PyTorch, on a CPU.

    python -m benchmarks.inference --vocabulary spiece.model --peer hugging_face=PYTHON

`--sst2` and `--squad` add requests that are text, the peer `hugging_face_compiled` what
torch.compile makes of the same model, and `--size large` XLNet-Large. `--quick` takes minutes.

Each contestant is a script in this folder, which runs in a process, and a peer's in the interpreter
of an environment of its own. They answer the same request in turn, so a machine that is busy with
other work slows both; the figure to look at is the ratio, the median over the pairs. If the machine
is so busy that threads mostly wait for each other, `--threads 1` and the ratio of the times on the
processors (CPU) say more. The weights are random, because times do not depend on them.
"""
