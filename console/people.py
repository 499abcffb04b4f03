"""Who somebody is, for a screen: where a platform sends only an id, the playground knows its own people."""

from __future__ import annotations

from conversation.identity import Person, Room
from playground import stage as scene

_CAST = {one.user_id: one.name for one in (*scene.WECOM_MEMBERS, *scene.FEISHU_CUSTOMERS, *scene.STAFF)}


def shown_name(person: Person, room: Room) -> str:
    """The name to show for a customer in a room; the id where nobody told us a name."""
    played = _CAST.get(person.person_id, "") if room.account == scene.ACCOUNT else ""
    return person.name or played or person.person_id
