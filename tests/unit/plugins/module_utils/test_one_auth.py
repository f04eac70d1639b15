# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password of oneadmin: what is left to do, whatever a former run has left."""

from __future__ import annotations

import pytest

from ansible_collections.kvmcloud.stack.plugins.module_utils.one_auth import (
    Action,
    AuthError,
    Reply,
    Unanswered,
    decide,
)

NEW, OLD = "oneadmin:new-one\n", "oneadmin:old-one\n"
YES, NO, DOWN = Reply.ACCEPTED, Reply.REFUSED, Reply.NONE


@pytest.mark.parametrize(
    "content, started, of_file, of_wanted, expected, asked",
    [
        pytest.param(None, False, None, None, Action.WRITE, 0, id="bare host"),
        pytest.param(
            OLD, False, None, None, Action.WRITE, 0, id="the random one of the package, before the first start"
        ),
        pytest.param(NEW, False, None, None, Action.NOTHING, 0, id="written, not started yet"),
        pytest.param(NEW, True, YES, None, Action.NOTHING, 1, id="converged"),
        pytest.param("oneadmin:new-one", True, YES, None, Action.NOTHING, 1, id="converged, no line end"),
        pytest.param(NEW, True, DOWN, None, Action.NOTHING, 1, id="converged, oned stopped"),
        pytest.param(OLD, True, YES, NO, Action.CHANGE_AND_WRITE, 2, id="a change"),
        pytest.param(OLD, True, NO, YES, Action.WRITE, 1, id="died between oned and the file"),
        pytest.param(None, True, None, YES, Action.WRITE, 1, id="the file was lost"),
    ],
)
def test_decisions(
    content: str | None, started: bool, of_file: Reply, of_wanted: Reply, expected: Action, asked: int
) -> None:
    questions: list[str] = []

    def ask(what: str, reply: Reply) -> Reply:
        questions.append(what)
        assert reply is not None, f"{what} was not to be asked"
        return reply

    found = decide(content, "new-one", started, lambda: ask("file", of_file), lambda: ask("wanted", of_wanted))
    assert found is expected
    assert len(questions) == asked


@pytest.mark.parametrize(
    "content, of_file, of_wanted, words",
    [
        pytest.param(NEW, NO, NO, "its database has another one", id="the file was edited by hand"),
        pytest.param(OLD, NO, NO, "accepts neither", id="both wrong"),
        pytest.param(None, NO, NO, "accepts neither", id="no file and a wrong password"),
        pytest.param(OLD, YES, DOWN, "oned does not answer", id="a change while oned is stopped"),
    ],
)
def test_what_cannot_be_set_is_said(content: str | None, of_file: Reply, of_wanted: Reply, words: str) -> None:
    with pytest.raises(AuthError, match=words) as caught:
        decide(content, "new-one", True, lambda: of_file, lambda: of_wanted)
    assert isinstance(caught.value, Unanswered) == (of_wanted is DOWN), "only then is bringing oned up of any use"
