"""The options file of postgrey, read as the shell reads it, edited byte for byte."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfixconf.errors import BadFile, BadValue
from postfixconf.text.postgrey_options import DEBIAN, RED_HAT, Options

STOCK = """\
# postgrey startup options, created for Debian

# you may want to set
#   --delay=N   how long to greylist, seconds (default: 300)

POSTGREY_OPTS="--inet=10023"

#POSTGREY_TEXT="Your customized rejection message here"
"""
SHAPES = (
    STOCK,
    "",
    "\n",
    "POSTGREY_OPTS=",
    "POSTGREY_OPTS=--inet=10023",
    "POSTGREY_OPTS='--inet=10023  --delay=60'   # why\n",
    'export POSTGREY_OPTS="--inet=10023 \\\n  --delay=60"\n',
    'POSTGREY_OPTS="--inet=10023\n\t--delay 60\n"\n',
    "POSTGREY_OPTS=--inet=10023\\ --delay=60\n",
    "POSTGREY_OPTS=--inet=\"10023\"' --delay=60'\n",
    'OTHER="$(hostname) `date` $X"\nPOSTGREY_OPTS="-i 10023 -delay=60"\r\n',
    "  POSTGREY_OPTS=\"--inet=10023\"\nPOSTGREY_OPTS='--unix=/run/x --delay=60'",
    "POSTGREY_OPTS=\"--auto-whitelist-clients -i 9\"\nPOSTGREY_TEXT='%s left'\n",
)
FEDORA = """\
POSTGREY_TYPE="--unix=/var/spool/postfix/postgrey/socket"
POSTGREY_PID="--pidfile=/var/run/postgrey.pid"
POSTGREY_GROUP="--group=postgrey"
POSTGREY_USER="--user=postgrey"
POSTGREY_DELAY="--delay=60"
POSTGREY_OPTS="--privacy"
"""


def as_the_shell(text: str, name: str) -> str:
    """What sh makes of a variable in a file."""
    script = f'. "$1"; printf %s "${name}"'
    given = ["sh", "-c", script, "sh", "/dev/stdin"]
    done = subprocess.run(given, input=text, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("text", SHAPES)
def test_what_is_not_edited_comes_back(text: str) -> None:
    assert Options.parse(text).render() == text


@pytest.mark.parametrize("text", [each for each in SHAPES if "\r" not in each])
def test_a_value_is_what_the_shell_makes_of_it(text: str) -> None:
    found = Options.parse(text).file.last("POSTGREY_OPTS")
    assert (found.value if found else "") == as_the_shell(text, "POSTGREY_OPTS")


@pytest.mark.parametrize("text", SHAPES)
def test_an_option_is_set_and_nothing_else_changes(text: str) -> None:
    before = Options.parse(text)
    after = Options.parse(before.with_value("delay", "7").render())
    assert after.get("delay") == "7"
    assert others(after, "delay") == others(before, "delay")
    assert after.text == before.text


@pytest.mark.parametrize("text", SHAPES)
def test_an_option_that_was_added_is_taken_out_again(text: str) -> None:
    before = Options.parse(text)
    back = before.with_value("max-age", "10").without("max-age")
    assert others(back, "") == others(before, "")
    if before.file.last("POSTGREY_OPTS") and '="--' in text:
        assert back.render() == text


def others(options: Options, name: str) -> list[tuple[str, str]]:
    """Every option but one."""
    return [(x.name, x.value) for x in options.options() if x.name != name]


def test_the_stock_file_gets_one_word() -> None:
    made = Options.parse(STOCK).with_value("delay", "60").render()
    assert made == STOCK.replace("10023", "10023 --delay=60")


def test_an_option_in_two_words_stays_so() -> None:
    made = Options.parse('POSTGREY_OPTS="-i 10023 --delay  60 -q"\n')
    assert made.with_value("delay", "5").render() == (
        'POSTGREY_OPTS="-i 10023 --delay 5 -q"\n'
    )


def test_the_variable_of_the_installation_is_edited() -> None:
    made = Options.parse(FEDORA, RED_HAT)
    assert made.get("unix") == "/var/spool/postfix/postgrey/socket"
    made = made.with_value("delay", "120").with_value("max-age", "9")
    assert made.render() == FEDORA.replace("=60", "=120").replace(
        "--privacy", "--privacy --max-age=9"
    )


def test_the_text_has_a_variable_of_its_own() -> None:
    made = Options.parse(STOCK).with_text("Come back in %s seconds")
    assert made.render() == STOCK + 'POSTGREY_TEXT="Come back in %s seconds"\n'
    assert made.with_text(None).render() == STOCK
    assert "--greylist-text=Come back in %s seconds" in made.arguments()


def test_a_first_list_has_the_installations_own_named_too() -> None:
    made = Options.parse(STOCK).with_list("whitelist-clients", "/etc/x/ours")
    packaged = "/etc/postgrey/whitelist_clients"
    assert made.all("whitelist-clients") == (
        *(packaged, f"{packaged}.local", "/etc/x/ours"),
    )
    assert made.with_list("whitelist-clients", "/etc/x/ours") == made
    more = made.with_list("whitelist-clients", "/etc/x/more")
    assert more.all("whitelist-clients")[2:] == ("/etc/x/ours", "/etc/x/more")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('POSTGREY_OPTS="$POSTGREY_OPTS --delay=60"', "only a shell can tell"),
        ("POSTGREY_OPTS=`cat`", "only a shell can tell"),
        ('POSTGREY_OPTS="--inet=10023', "more than an assignment"),
        ("POSTGREY_OPTS=--inet=10023 --delay=60", "more than an assignment"),
        ("POSTGREY_OPTS=x; rm -rf /", "more than an assignment"),
        ("if true; then", "neither a comment nor an assignment"),
        ('POSTGREY_OPTS="--dealy=60"', "postgrey has no option --dealy=60"),
        ('POSTGREY_OPTS="--delay"', "--delay needs a value"),
        ("POSTGREY_OPTS=\"--greylist-text='a b'\"", "quotes inside a value"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_quoted(line: str, said: str) -> None:
    with pytest.raises(BadFile, match="line 2") as refused:
        Options.parse(f"# fine\n{line}\n")
    assert said in str(refused.value)


@pytest.mark.parametrize("value", ["1 2", "a\nb", '"', "$x", "`x`", "\\", " 1"])
def test_no_value_leaves_its_word(value: str) -> None:
    with pytest.raises(BadValue):
        Options.parse(STOCK).with_value("delay", value)


@pytest.mark.parametrize("text", ["a\nb", 'a"', "$HOME", "`x`", "it's", "\\"])
def test_no_text_leaves_its_quotes(text: str) -> None:
    with pytest.raises(BadValue):
        Options.parse(STOCK).with_text(text)


QUOTED = st.text(st.sampled_from("ab =-#%\t;&|*?~"), max_size=12)
PIECES = st.lists(
    st.one_of(
        st.sampled_from(("# a comment", "", "   ", "X=1", "export Y='2 3'  # why")),
        QUOTED.map(lambda text: f'A="{text}"'),
        QUOTED.map(lambda text: f"B='{text}'"),
    ),
    max_size=6,
)
WORDS = st.lists(
    st.sampled_from(
        ("--inet=10023", "-i 10", "--delay=9", "--privacy", "--max-age  3", "-q")
    ),
    max_size=5,
)


@given(PIECES, WORDS, st.sampled_from("\"'"), st.integers(1, 99999))
def test_edits_hold_for_any_file(
    pieces: list[str], words: list[str], quote: str, delay: int
) -> None:
    line = f"POSTGREY_OPTS={quote}{' '.join(words)}{quote}"
    text = "\n".join([*pieces, line, *pieces])
    before = Options.parse(text)
    assert before.render() == text
    after = before.with_value("delay", str(delay))
    outside = [x for x in after.render().split("\n") if "POSTGREY" not in x]
    assert outside == [x for x in text.split("\n") if "POSTGREY" not in x]
    assert after.get("delay") == str(delay)
    assert others(after, "delay") == others(before, "delay")
    shell = as_the_shell(after.render(), "POSTGREY_OPTS") if delay < 2000 else None
    assert shell is None or shell.split() == [*after.arguments()]


def test_debian_hands_on_only_its_own_variables() -> None:
    assert Options.parse("OPTIONS=--inet=1\n", DEBIAN).get("inet") is None
