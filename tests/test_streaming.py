"""Codes in any number pass through constant memory."""

import json

import pytest
from processes import forked

# A process of its own: what others have imported or kept must not count.
STREAM = """
import json
from interpgan_core.generators.ranges import Ranges
from interpgan_core.generators.toy import ToyGenerator

def memory(kind):
    # getrusage would count what the parent had when it forked this process.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(kind))

generator = ToyGenerator()
count, total, at = 0, 0.0, {}
for batch in generator.stream(Ranges("0-99999"), space="w"):
    assert batch.codes.shape[1:] == (16,) and not batch.codes.requires_grad
    count += len(batch)
    total += float(batch.codes.double().sum())
    if count // 20_000 > (count - len(batch)) // 20_000:
        at[count // 20_000 * 20_000] = memory("VmRSS")
peak = memory("VmHWM")
print(json.dumps({"count": count, "mean": total / count / 16, "at": at, "peak": peak}))
"""


@pytest.mark.long
def test_a_hundred_thousand_codes_in_constant_memory():
    seen = json.loads(forked(STREAM))
    assert seen["count"] == 100_000
    assert seen["peak"] < 700
    assert seen["at"]["100000"] - seen["at"]["20000"] < 5, seen
