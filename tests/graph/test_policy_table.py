"""Whatever the findings, the policy table gives one route, and never a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cues import SOCIAL, Cue
from conversation.findings import Emotion, EmotionLabel, Flags, Intent, Passage, Retrieval, Triage
from conversation.messages import ContentKind
from conversation.staff_wording import staff_wording
from graph.escalation import AFTER_CHECK, TABLE, WAITING, Route, Step, decide, decide_after_check
from graph.sight import Sight
from graph.thresholds import Thresholds
from tests.graph.casting import mood, ticket, turn

chances = st.floats(0, 1)
QUIET_STEPS = {Step.RELAY, Step.STAY_SILENT}


@st.composite
def sights(draw: st.DrawFn) -> Sight:
    passages = draw(
        st.lists(
            st.builds(
                Passage,
                st.just("kb"),
                st.just(1),
                st.sampled_from(["怎么退款", "发票怎么开", ""]),
                st.sampled_from(["在订单页申请。", ""]),
                chances,
            ),
            max_size=3,
        )
    )
    cues = draw(st.frozensets(st.sampled_from(Cue), max_size=4))
    text = draw(st.sampled_from(["怎么退款", "转人工", "20260318001", "", "你们的东西坏了"]))
    return Sight(
        turn=turn(
            text,
            group=draw(st.booleans()),
            mentioned=draw(st.booleans()),
            kind=draw(st.sampled_from([ContentKind.TEXT, ContentKind.IMAGE, ContentKind.STICKER])),
            history=draw(st.lists(st.sampled_from([("bot", "在订单页申请。"), ("customer", "怎么退款")]), max_size=3)),
            tickets=draw(st.lists(st.just(ticket()), max_size=2)),
            owner=draw(st.sampled_from(["bot", "bot", "bot", "staff_1"])),
            waiting_for_staff=draw(st.booleans()),
            unknown_count=draw(st.integers(0, 3)),
            moods=draw(st.lists(st.sampled_from([mood(0.0), mood(-0.6, "angry", 2.0)]), max_size=4).map(tuple)),
        ),
        question=text,
        cues=cues,
        triage=Triage(
            draw(st.sampled_from([*Intent, "a_deployers_label"])),
            "c",
            draw(chances),
            Flags(*(draw(chances) for _ in range(4))),
        ),
        emotion=Emotion(draw(st.sampled_from(EmotionLabel)), {}, draw(st.floats(0, 3)), draw(st.floats(-1, 1))),
        retrieval=Retrieval(tuple(passages), draw(chances)),
        defaulted=draw(st.sampled_from([(), ("retrieve",), ("triage", "read_emotion", "retrieve")])),
        can_compose=draw(st.booleans()),
        asked_back=draw(st.booleans()),
    )


@settings(max_examples=120)
@given(sights())
def test_there_is_always_exactly_one_route_and_it_is_known(sight: Sight) -> None:
    for route in (decide(sight), decide_after_check(sight)):
        assert isinstance(route, Route)
        assert route.reason


@settings(max_examples=120)
@given(sights())
def test_the_bot_says_nothing_where_staff_speak_or_nobody_spoke_to_it(sight: Sight) -> None:
    if sight.staff_owns:
        assert decide(sight).step is Step.RELAY
    elif not sight.addressed:
        assert decide(sight).step is Step.STAY_SILENT


@settings(max_examples=120)
@given(sights())
def test_who_wants_a_person_is_never_answered_by_the_bot(sight: Sight) -> None:
    if not sight.wants_human or sight.staff_owns or not sight.addressed:
        return
    route = decide(sight)
    if sight.waits_for_staff:
        assert route.step in (Step.CHAT, Step.ACT)
    else:
        assert route == Route(Step.HAND_OFF, "customer_asked")


@settings(max_examples=120)
@given(sights())
def test_no_second_person_and_no_new_ticket_while_one_is_on_the_way(sight: Sight) -> None:
    if sight.waits_for_staff and sight.addressed and not sight.staff_owns:
        assert decide(sight).step not in (Step.HAND_OFF, Step.OPEN_TICKET, Step.STAY_SILENT, Step.CLARIFY)


@settings(max_examples=120)
@given(sights())
def test_an_answer_is_only_tried_where_there_is_something_to_answer_from(sight: Sight) -> None:
    route = decide(sight)
    if route.step is Step.ANSWER:
        assert sight.retrieval.passages
        assert sight.retrieval.answerable >= min(Thresholds().answer, Thresholds().compose)
        assert route.reason != "compose" or sight.can_compose


@settings(max_examples=120)
@given(sights())
def test_a_loudly_angry_or_insulting_customer_meets_a_person_or_silence_never_a_lecture(sight: Sight) -> None:
    if (sight.angry or sight.offends) and not sight.wants_human and not sight.waits_for_staff:
        route = decide(sight)
        assert route.step in {*QUIET_STEPS, Step.HAND_OFF} or route.reason == "refusal"


@settings(max_examples=120)
@given(sights())
def test_an_injection_gets_a_refusal_or_what_the_base_says_and_never_the_model(sight: Sight) -> None:
    if sight.injects:
        assert decide(sight).reason != "compose"


@settings(max_examples=120)
@given(sights())
def test_after_a_failed_check_something_honest_is_left(sight: Sight) -> None:
    assert decide_after_check(sight).step in {Step.OPEN_TICKET, Step.HAND_OFF, Step.CLARIFY}


@settings(max_examples=120)
@given(sights())
def test_the_third_ignorance_in_a_row_never_asks_for_more_words(sight: Sight) -> None:
    route = decide(sight)
    if sight.unknown_again:
        assert route not in (Route(Step.CLARIFY, "unknown"), Route(Step.CLARIFY, "not_helped"))


@pytest.mark.parametrize("table", [WAITING, TABLE, AFTER_CHECK])
def test_every_table_ends_with_a_row_that_always_holds(table: tuple[object, ...]) -> None:
    nothing = Sight(turn("？"), "", frozenset())
    assert table[-1].holds(nothing)  # type: ignore[attr-defined]


def test_staff_have_words_for_every_reason_of_a_handoff() -> None:
    reasons = {row.reason for table in (WAITING, TABLE, AFTER_CHECK) for row in table if row.step is Step.HAND_OFF}
    assert reasons <= set(staff_wording("zh").reasons)


@pytest.mark.parametrize("cue", sorted(SOCIAL))
def test_small_talk_never_costs_a_search_of_our_patience(cue: Cue) -> None:
    sight = Sight(turn("谢谢"), "谢谢", frozenset({cue}), retrieval=Retrieval((), 0.0))
    assert decide(sight).step in (Step.CHAT, Step.STAY_SILENT)


@pytest.mark.parametrize("intent", [Intent.SUGGESTION_PRAISE, Intent.THANKS_BYE, Intent.SMALLTALK])
def test_a_question_is_not_waved_off_as_praise_or_small_talk(intent: Intent) -> None:
    asked = Sight(
        turn("能不能用跨链支付呢"), "能不能用跨链支付呢", frozenset({Cue.ASKS}), triage=Triage(intent, "c", 0.6)
    )
    assert decide(asked) == Route(Step.CLARIFY, "unknown")


def test_a_threshold_moves_the_line() -> None:
    found = Retrieval((Passage("kb", 1, "怎么退款", "在订单页申请。", 1.0),), 0.7)
    lenient = Thresholds(faq=0.6)
    assert decide(Sight(turn("怎么退款"), "怎么退款", frozenset(), retrieval=found)).reason == "extract"
    assert decide(Sight(turn("怎么退款"), "怎么退款", frozenset(), retrieval=found, thresholds=lenient)).reason == "faq"
