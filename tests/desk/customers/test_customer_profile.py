"""What is known of a customer over all channels, and everything said with them in one line of time."""

from __future__ import annotations

from sqlalchemy import Connection

from conversation.identity import Person
from desk import audit
from desk.customers import profile as people
from desk.customers.links import learn_unionid
from desk.customers.timeline import timeline
from store.database import Database
from tests.desk.customers.stage import CHEN_KF, CHEN_OA, KF, NOW, OA, open_matter, say


def two_channels(connection: Connection) -> str:
    open_matter(connection, "cv_kf", KF, CHEN_KF, at=NOW)
    open_matter(connection, "cv_oa", OA, CHEN_OA, at=NOW + 100)
    learn_unionid(connection, KF, CHEN_KF, "uX1", source="kf", now=NOW)
    return learn_unionid(connection, OA, CHEN_OA, "uX1", source="oa", now=NOW).customer_id


async def test_a_profile_holds_every_channel_and_when_they_were_there(database: Database) -> None:
    def work(connection: Connection) -> None:
        customer = two_channels(connection)
        open_matter(connection, "cv_kf_2", KF, Person("wm_chen", "陈晨晨"), at=NOW + 500)
        found = people.profile(connection, customer)
        assert found is not None
        assert [(one.platform, one.first_seen, one.last_seen) for one in found.channels] == [
            ("wecom_kf", NOW, NOW + 500),
            ("official_account", NOW + 100, NOW + 100),
        ]
        assert (found.name, found.first_seen, found.last_seen) == ("陈晨", NOW, NOW + 500)
        assert len(found.members) == 2
        absorbed = people.profile(connection, found.members[1])
        assert absorbed == found

    await database.write(work)


async def test_the_newest_word_on_a_purpose_counts(database: Database) -> None:
    def work(connection: Connection) -> None:
        customer = two_channels(connection)
        for at, granted in ((NOW, True), (NOW + 9, False)):
            people.record_consent(
                connection,
                customer,
                purpose="marketing",
                granted=granted,
                source="wecom_kf",
                identity="wecom_kf:main:wm_chen",
                actor="system",
                now=at,
            )
        found = people.profile(connection, customer)
        assert found is not None
        assert found.consents == (people.Consent("marketing", False, "wecom_kf", NOW + 9),)

    await database.write(work)


async def test_notes_language_and_name_are_kept_and_none_of_them_is_in_the_audit_log(database: Database) -> None:
    def work(connection: Connection) -> None:
        customer = two_channels(connection)
        keep = people.add_note(connection, customer, "只接上午的电话", author="ou_li", now=NOW)
        gone = people.add_note(connection, customer, "写错了", author="ou_li", now=NOW + 1)
        assert people.remove_note(connection, gone, actor="ou_li", now=NOW + 2)
        assert not people.remove_note(connection, gone, actor="ou_li", now=NOW + 3)
        people.set_language(connection, customer, "zh-HK", actor="ou_li", now=NOW)
        people.set_name(connection, customer, "陈女士", actor="ou_li", now=NOW)
        found = people.profile(connection, customer)
        assert found is not None
        assert ([note.id for note in found.notes], found.language, found.name) == ([keep], "zh-HK", "陈女士")
        log = connection.exec_driver_sql("SELECT detail FROM audit").scalars().all()
        assert not any(word in str(row) for row in log for word in ("电话", "陈"))

    await database.write(work)
    assert await database.read(audit.broken_at) is None


async def test_nobody_has_no_profile(database: Database) -> None:
    assert await database.read(lambda connection: people.profile(connection, "cu_nobody")) is None


async def test_one_timeline_runs_over_all_channels_in_order(database: Database) -> None:
    def work(connection: Connection) -> None:
        customer = two_channels(connection)
        for number in range(6):
            say(connection, ("cv_kf", "cv_oa")[number % 2], f"第{number}句", at=NOW + 10 * number)
        say(connection, "cv_oa", "同一刻", at=NOW + 50, by="bot")
        whole = timeline(connection, customer)
        assert [line.text for line in whole] == [*(f"第{number}句" for number in range(6)), "同一刻"]
        assert {(line.platform, line.conversation_id) for line in whole} == {
            ("wecom_kf", "cv_kf"),
            ("official_account", "cv_oa"),
        }
        newest = timeline(connection, customer, limit=3)
        older = timeline(connection, customer, limit=3, before=newest[0].place)
        oldest = timeline(connection, customer, limit=3, before=older[0].place)
        assert (*oldest, *older, *newest) == whole

    await database.write(work)


async def test_what_was_never_said_is_left_out_unless_asked_for(database: Database) -> None:
    def work(connection: Connection) -> None:
        customer = two_channels(connection)
        say(connection, "cv_kf", "您好", at=NOW)
        connection.exec_driver_sql("UPDATE messages SET status = 'cancelled'")
        assert timeline(connection, customer) == ()
        assert len(timeline(connection, customer, unsaid=True)) == 1

    await database.write(work)
