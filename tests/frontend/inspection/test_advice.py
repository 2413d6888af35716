from accelsim.frontend.inspection.advice import advice_on


def test_a_line_for_each_family():
    lines = advice_on(["LSTM", "Loop", "Sin", "GRU", "Loop", "Cos"])
    assert [line.partition(": ")[0] for line in lines] == ["Loop", "LSTM, GRU", "Sin, Cos"]


def test_nothing_to_say():
    assert advice_on([]) == ()
