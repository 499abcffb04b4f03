"""Who a Feishu user is, for the staff who talk to them: name, departments, enterprise; as far as the app may see."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from channels.feishu.client import FeishuClient
from channels.feishu.patience import Patience
from channels.feishu.people import People

LIFE_S = 86_400.0
UNKNOWN_LIFE_S = 600.0
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Profile:
    """A user; every part may be empty. `tenant_name` is known for our own enterprise alone.

    `external`: the user belongs to another enterprise than the app; None where that is not known.
    """

    open_id: str
    name: str = ""
    departments: tuple[str, ...] = ()
    tenant_key: str = ""
    tenant_name: str = ""
    external: bool | None = None


class Profiles:
    """Profiles on request; what they are made of is asked for once a day at most. `clock` is Unix seconds."""

    def __init__(self, client: FeishuClient, people: People, patience: Patience, clock: Callable[[], float]) -> None:
        self._client = client
        self._people = people
        self._patience = patience
        self._clock = clock
        self._tenants: OrderedDict[str, str] = OrderedDict()
        self._departments: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._home: tuple[str, str] = ("", "")

    def seen(self, open_id: str, tenant_key: str) -> None:
        """Remembers the enterprise that a sender's event named."""
        if open_id and tenant_key:
            self._tenants[open_id] = tenant_key
            self._tenants.move_to_end(open_id)
            if len(self._tenants) > KEPT:
                self._tenants.popitem(last=False)

    async def of(self, open_id: str) -> Profile:
        """What is known of a user now; waits some seconds at most and never raises what Feishu refuses."""
        user = await self._people.user(open_id)
        departments = [await self._department(one) for one in user.department_ids]
        tenant_key = self._tenants.get(open_id, "")
        if tenant_key and not self._home[0]:
            self._home = await self._patience.ask("tenant", lambda _: self._client.tenant(), "") or self._home
        home_key, home_name = self._home
        return Profile(
            open_id=open_id,
            name=user.name,
            departments=tuple(name for name in departments if name),
            tenant_key=tenant_key,
            tenant_name=home_name if tenant_key and tenant_key == home_key else "",
            external=tenant_key != home_key if tenant_key and home_key else None,
        )

    async def _department(self, department_id: str) -> str:
        known = self._departments.get(department_id)
        if known is None or known[1] <= self._clock():
            name = await self._patience.ask("department", self._client.department, department_id) or ""
            known = (name, self._clock() + (LIFE_S if name else UNKNOWN_LIFE_S))
            self._departments[department_id] = known
            if len(self._departments) > KEPT:
                self._departments.popitem(last=False)
        return known[0]
