"""What tests hear of programs that they follow."""

import io

import pytest

from tests.support.programs import Ear


def test_a_program_that_is_killed_while_it_speaks_was_heard_up_to_its_last_whole_line():
    ear = Ear()
    ear.listen(io.BytesIO(b'{"said": 1}\n{"said": 2}\n{"sa'))
    ear.wait_for_silence()
    assert ear.values == [{"said": 1}, {"said": 2}]
    with pytest.raises(EOFError, match="nothing speaks any more"):
        ear.until(lambda value: value["said"] == 3)
