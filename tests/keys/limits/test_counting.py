"""Calls that PostgreSQL counts, between the counting thread and the event loops that wait."""

import asyncio

from portal.keys.limits.counting import _Answers, _Result


def test_a_loop_that_is_closed_keeps_no_other_from_its_answers():
    answers = _Answers()
    gone = asyncio.new_event_loop()
    first, second = gone.create_future(), gone.create_future()
    answers.put(gone, first, _Result("never heard"))
    gone.close()
    answers.put(gone, second, _Result("never heard"))

    async def ask() -> str:
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        answers.put(loop, waiting, _Result("heard"))
        async with asyncio.timeout(30):
            return await waiting

    assert asyncio.run(ask()) == "heard"
