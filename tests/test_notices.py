from accelsim.notices import listening, tell


def test_a_notice_reaches_all_who_listen_and_nobody_afterwards():
    first, second = [], []
    tell("nobody hears this")
    with listening(first.append):
        tell("one")
        with listening(second.append):
            tell("both")
    tell("nobody hears this")
    assert (first, second) == (["one", "both"], ["both"])
