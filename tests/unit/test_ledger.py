"""The state that follows from entries, and the merge of two people's entries."""

from hypothesis import given
from hypothesis import strategies as st

from ml.registry import ledger


def entry(action, model, time="t", who="me", reason=""):
    return {"action": action, "model": model, "time": time, "who": who, "reason": reason, "run": {"lineage": {}}}


def scripts(who):
    """Entries of one person: every model is registered before any other entry about it."""

    @st.composite
    def draw(draw_):
        entries, known = [], []
        for number in range(draw_(st.integers(0, 6))):
            action = draw_(st.sampled_from(["register", "promote", "rollback"])) if known else "register"
            model = draw_(st.sampled_from("abcd")) if action == "register" else draw_(st.sampled_from(known))
            known.append(model)
            entries.append(entry(action, model, f"{number}", who))
        return entries

    return draw()


def test_versions_count_up_in_order_of_registration():
    state = ledger.fold([entry("register", "a"), entry("register", "b"), entry("register", "a")])

    assert [(v.number, v.model) for v in state.versions] == [(1, "a"), (2, "b")]


def test_registering_makes_a_challenger_and_never_moves_the_champion():
    state = ledger.fold([entry("register", "a"), entry("promote", "a"), entry("register", "b")])

    assert state.aliases == {"champion": 1, "challenger": 2}


def test_rolling_back_twice_undoes_the_first():
    both = [entry("register", "a"), entry("promote", "a"), entry("register", "b"), entry("promote", "b")]

    once = ledger.fold([*both, entry("rollback", "a")])
    twice = ledger.fold([*both, entry("rollback", "a"), entry("rollback", "b")])

    assert once.aliases == {"champion": 1, "previous": 2}
    assert twice.aliases == {"champion": 2, "previous": 1}


def test_a_log_line_summarises_a_verdict():
    state = ledger.fold([entry("register", "a")])
    found = {"passed": True, "verdicts": [{"gate": "accuracy"}]}
    forced = entry("register", "a", reason="a demo") | {"verdict": found | {"passed": False}}
    watched = entry("monitor", "a", reason="three columns moved") | {"verdict": "drift"}

    lines = [ledger.sentence(e, state) for e in (entry("register", "a") | {"verdict": found}, forced, watched)]

    assert lines == [
        "register version 1 by me: the gates passed",
        "register version 1 by me: against the gates: a demo",
        "monitor version 1 by me: drift",
    ]


def test_history_names_the_champion_after_each_entry():
    state = ledger.fold([entry("register", "a"), entry("promote", "a"), entry("register", "b"), entry("promote", "b")])

    assert [event.champion for event in state.events] == [None, 1, 1, 2]


def test_concurrent_registrations_are_both_kept_and_the_second_gets_the_next_number():
    mine, theirs = [entry("register", "a", who="me")], [entry("register", "b", who="you")]

    state = ledger.fold(ledger.merge(theirs, mine))

    assert [(v.number, v.model) for v in state.versions] == [(1, "b"), (2, "a")]


def test_a_promotion_follows_its_model_to_its_new_number():
    mine = [entry("register", "a"), entry("promote", "a")]
    theirs = [entry("register", "b", who="you"), entry("promote", "b", who="you")]

    assert ledger.fold(ledger.merge(theirs, mine)).aliases == {"champion": 2, "previous": 1}


def test_pruning_keeps_aliases_and_the_newest_versions():
    entries = [entry("register", model) for model in "abcdef"]
    state = ledger.fold([*entries, entry("promote", "a")])

    assert [v.model for v in ledger.doomed(state, keep=2)] == ["b", "c", "d"]


def test_a_pruned_version_keeps_number_and_record_and_is_restored_by_registering_again():
    entries = [entry("register", "a"), entry("register", "b"), entry("prune", "a")]

    pruned = ledger.fold(entries)
    again = ledger.fold([*entries, entry("register", "a", "later")])

    assert [(v.number, v.pruned) for v in pruned.versions] == [(1, True), (2, False)]
    assert [(v.number, v.pruned) for v in again.versions] == [(1, False), (2, False)]


def test_a_model_pruned_by_others_and_registered_again_is_restored():
    theirs = [entry("register", "a"), entry("register", "b"), entry("prune", "a", who="you")]
    mine = [entry("register", "a"), entry("register", "b"), entry("register", "a", "later")]

    assert not ledger.fold(ledger.merge(theirs, mine)).of("a").pruned


@given(scripts("base"), scripts("you"), scripts("me"))
def test_merging_loses_nothing_and_keeps_their_entries_unchanged(base, theirs, mine):
    theirs, mine = base + theirs, base + mine

    merged = ledger.merge(theirs, mine)

    assert merged[: len(theirs)] == theirs
    assert {e["model"] for e in merged} == {e["model"] for e in theirs + mine}
    assert all(e in merged for e in mine if e["action"] != "register")


@given(scripts("base"), scripts("you"), scripts("me"))
def test_merging_again_changes_nothing(base, theirs, mine):
    theirs, mine = base + theirs, base + mine

    merged = ledger.merge(theirs, mine)

    assert ledger.merge(merged, mine) == merged
    assert ledger.merge(merged, merged) == merged


@given(scripts("me"))
def test_aliases_name_existing_and_different_versions(entries):
    state = ledger.fold(entries)

    numbers = list(state.aliases.values())
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= {v.number for v in state.versions}
