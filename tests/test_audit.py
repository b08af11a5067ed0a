"""What the audit makes of what advisory services say, or do not."""

import pytest

from tests.audit import NOT_RUN, judge

FINE = {"name": "idna", "version": "3.6", "vulns": []}
HOLE = {"name": "jinja2", "version": "3.0", "vulns": [{"id": "PYSEC-1"}]}
UNKNOWN = {"name": "idna", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([[FINE]], 0),
        ([[FINE, HOLE]], 1),
        ([None], NOT_RUN),
        ([None, None], NOT_RUN),
        ([[UNKNOWN]], NOT_RUN),
        ([[UNKNOWN, HOLE]], 1),
        ([[UNKNOWN], [FINE]], 0),
        ([[]], NOT_RUN),
    ],
)
def test_silence_is_not_taken_for_good_news(answers, code):
    assert judge(answers)[0] == code
