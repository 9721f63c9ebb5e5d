"""How people name a job, as it travels."""

from labd.cli.refs import ref


def test_digits_are_an_id_unless_it_could_not_be_sent() -> None:
    assert [ref("12"), ref("12_5"), ref("last"), ref("9" * 30)] == [12, "12_5", "last", "9" * 30]
