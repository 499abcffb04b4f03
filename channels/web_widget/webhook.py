"""One call of a visitor's page: who is it, from which site, how often; then kept, answered or streamed.

Every call is a POST with its token in the body: no address ever holds a secret, and no browser has to ask beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping

import orjson
import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from channels.channel import Intake
from channels.request_body import read_body
from channels.web_widget import pictures
from channels.web_widget.account import CALL_LIMIT, PICTURE_LIMIT, WebWidgetSettings
from channels.web_widget.events import Events, shown
from channels.web_widget.inbound import Call, picture_key, picture_message, read_call, text_message
from channels.web_widget.mailbox import PICTURE, TEXT, VISITOR, Line, News, history, know, put
from channels.web_widget.origins import Origins
from channels.web_widget.rate_limit import RateLimit
from channels.web_widget.refusal import WidgetRefusal
from channels.web_widget.script import Script
from channels.web_widget.visitor_token import VisitorTokens
from conversation.errors import RefusedInput, RetryLater
from conversation.messages import IncomingMessage
from store.database import Database

logger = structlog.get_logger(__name__)

Ring = Callable[[str], None]
Act = Callable[[Request, Call], Awaitable[Response]]

_STREAM = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class WebWidgetWebhook:
    """The address of one widget."""

    def __init__(
        self,
        settings: WebWidgetSettings,
        *,
        intake: Intake,
        database: Database,
        events: Events,
        ring: Ring,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._database = database
        self._events = events
        self._ring = ring
        self._clock = clock
        self._origins = Origins(settings.allowed_origins)
        self._tokens = VisitorTokens(settings.visitor_key, settings.previous_key, settings.account, clock=clock)
        self._visitors = RateLimit(settings.per_minute, clock=clock)
        self._addresses = RateLimit(settings.address_per_minute, clock=clock)
        self._script = Script(settings)
        self._acts: Mapping[str, Act] = {
            "session": self._session,
            "history": self._history,
            "events": self._stream,
            "send": self._said,
            "picture": self._showed,
            "file": self._file,
        }

    def script(self, request: Request) -> Response:
        """The script that a website includes."""
        return self._script.answer(request)

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. `do` in the query says what is wanted; a GET gives the script.

        Calls of allowed sites are answered in a way that the page can read, refusals too.
        """
        if request.method == "GET":
            return self.script(request)
        cors = self._origins.cors(request.headers)
        response = await self._answered(request)
        response.headers.update(cors)
        return response

    async def _answered(self, request: Request) -> Response:
        what, account = request.query_params.get("do", ""), self._settings.account
        try:
            act = self._acts.get(what)
            if act is None:
                raise WidgetRefusal("bad", "do is none of " + ", ".join(self._acts), 404)
            with_picture = what == "picture"
            body = await read_body(request, CALL_LIMIT + (PICTURE_LIMIT if with_picture else 0))
            return await act(request, read_call(body, with_content=with_picture))
        except RefusedInput as refused:
            logger.warning("web_widget.refused", account=account, do=what[:20], reason=refused.reason)
            word = refused.word if isinstance(refused, WidgetRefusal) else "bad"
            after_s = refused.after_s if isinstance(refused, WidgetRefusal) else 0.0
            return _refusal(word, refused.status, after_s)
        except RetryLater as busy:
            logger.error("web_widget.not_kept", account=account, do=what[:20], reason=str(busy))
            return _refusal("busy", 503, busy.after_s or 2.0)

    async def _session(self, request: Request, call: Call) -> Response:
        """A token, new or renewed, and the newest lines."""
        if not call.token:
            self._count(self._addresses, _address(request))
            _, token = self._tokens.fresh()
            return _json({"token": token, **_page(News((), 0))})
        visitor = self._tokens.open(call.token)
        token = self._tokens.renewed(visitor) if self._tokens.is_old(visitor) else str(call.token)
        found = await self._database.read(lambda connection: history(connection, visitor.visitor_id))
        return _json({"token": token, **_page(found)})

    async def _history(self, _: Request, call: Call) -> Response:
        """Lines before one that is known, or after it, waiting for some if the page asks to."""
        visitor_id = self._tokens.open(call.token).visitor_id
        before, after = call.whole_number("before"), call.whole_number("after")
        if before:
            return _json(_page(await self._database.read(lambda connection: history(connection, visitor_id, before))))
        if call.wait_s:
            self._events.admit(visitor_id)
        return _json(_page(await self._events.next_news(visitor_id, after, call.wait_s)))

    async def _stream(self, request: Request, call: Call) -> Response:
        """Everything after the line that the page saw last, by its `after` or the Last-Event-ID."""
        visitor_id = self._tokens.open(call.token).visitor_id
        known = request.headers.get("last-event-id", "")
        after = int(known) if known.isdecimal() and len(known) < 10 else call.whole_number("after")
        self._events.admit(visitor_id)
        return StreamingResponse(
            self._events.follow(visitor_id, after), media_type="text/event-stream", headers=_STREAM
        )

    async def _said(self, request: Request, call: Call) -> Response:
        visitor_id = self._tokens.open(call.token).visitor_id
        settings = self._settings
        message = text_message(
            call, visitor_id, account=settings.account, max_text=settings.max_text, now=self._clock()
        )
        self._count_message(request, visitor_id)
        return await self._kept(message, Line(str(call.fields["id"]), VISITOR, TEXT, message.sent_at, message.text))

    async def _showed(self, request: Request, call: Call) -> Response:
        visitor_id, now = self._tokens.open(call.token).visitor_id, self._clock()
        if not self._settings.pictures:
            raise WidgetRefusal("type", "a picture, which this widget does not take", 415)
        message = picture_message(call, visitor_id, account=self._settings.account, now=now)
        picture = pictures.checked(call.content, message.attachments[0].name)
        self._count_message(request, visitor_id)
        key, account = picture_key(message.message_id), self._settings.account

        def keep(connection: Connection) -> None:
            know(connection, account, visitor_id, now)
            pictures.keep(connection, key, visitor_id, picture, now)

        await self._database.write(keep)
        return await self._kept(message, Line(str(call.fields["id"]), VISITOR, PICTURE, now, picture.name, picture=key))

    async def _kept(self, message: IncomingMessage, line: Line) -> Response:
        """Kept for the turn first: a line that stands in the visitor's chat is never one that nobody will answer."""
        visitor_id, account = message.sender.person_id, self._settings.account
        await self._intake.put([message])
        seq = await self._database.write(lambda connection: put(connection, account, visitor_id, line))
        self._ring(visitor_id)
        return _json({"id": line.line_id, "seq": seq, "at": line.at, "picture": line.picture})

    async def _file(self, _: Request, call: Call) -> Response:
        """A picture of the visitor's own."""
        visitor_id, key = self._tokens.open(call.token).visitor_id, call.fields.get("picture")
        wanted = key if isinstance(key, str) else ""
        found = await self._database.read(lambda connection: pictures.find(connection, wanted, visitor_id))
        if found is None:
            raise WidgetRefusal("bad", "a picture that this visitor has not sent", 404)
        return Response(found.content, media_type=found.media_type, headers=dict(_PRIVATE))

    def _count_message(self, request: Request, visitor_id: str) -> None:
        self._count(self._visitors, visitor_id)
        self._count(self._addresses, _address(request))

    def _count(self, limit: RateLimit, name: str) -> None:
        wait_s = limit.wait_s(name)
        if wait_s:
            raise WidgetRefusal("rate", "more calls than allowed", 429, wait_s)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _page(found: News) -> dict[str, object]:
    return {"lines": [shown(line) for line in found.lines], "last": found.last_seq, "more": found.more}


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json", headers=dict(_PRIVATE))


def _refusal(word: str, status: int, after_s: float) -> Response:
    response = _json({"error": word, "after": round(after_s, 1)}, status)
    if after_s:
        response.headers["Retry-After"] = str(math.ceil(after_s))
    return response
