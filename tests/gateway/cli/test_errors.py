"""What a person reads when a command cannot do what was asked: one sentence on stderr, in their language, and an exit code."""

import pytest

NOTHING_HERE = ("whoami",)


def test_a_refusal_is_one_line_on_stderr_and_nothing_on_stdout(terminal):
    ended = terminal("whoami")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "you are not signed in to this platform: `glovebox login LOGIN`\n"


def test_the_same_line_in_chinese(terminal):
    assert terminal("whoami", GLOVEBOX_LANG="zh").err == "尚未登录该平台：请执行 `glovebox login LOGIN`\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("whoami",), 3),  # a rule says no
        (("trust", "show"), 2),  # no server, no home: the caller can put it right
        (("--server", "http://127.0.0.1:1", "trust", "show"), 1),  # nobody answers
        (("key", "new"), 2),  # an argument is missing
        (("nonsense",), 2),
        (("--help",), 0),
    ],
)
def test_exit_codes_say_who_has_to_act(terminal, words, code):
    assert terminal(*words).code == code


@pytest.mark.parametrize("address", ["ftp://example.com", "example.com", "https://ann:secret@example.com", "http://example.com"])
def test_an_address_that_would_show_passwords_is_refused(terminal, address):
    ended = terminal("--server", address, "trust", "show")
    assert ended.code == 2
    assert "secret" not in ended.err


def test_control_characters_never_reach_the_terminal(terminal, tmp_path):
    ended = terminal("verify", tmp_path / "\x1b[2Jpackage.gbx", "--trust", tmp_path / "\x1b]0;owned\x07trust.json")
    assert ended.code == 2
    assert "\x1b" not in ended.err
    assert "\x07" not in ended.err


def test_a_password_is_never_asked_where_nobody_can_answer(terminal, tmp_path):
    ended = terminal("key", "new", "officer", tmp_path / "ann.key")
    assert ended.code == 2
    assert "GLOVEBOX_PASSPHRASE" in ended.err
    assert not (tmp_path / "ann.key").exists()
