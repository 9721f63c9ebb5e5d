"""The documentation says what is: generated parts are fresh, commands work, links lead somewhere."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from docs import generate, methods, pictures, words
from docs.blocks import Block, blocks
from labd.api import JobSpec, JobView, ServiceState
from labd.api.hookspecs import LabdHooks
from labd.cli import exits, labctl, names
from labd.cli.labd import COMMANDS
from labd.config import Config, load
from labd.config.names import setting_paths
from labd.config.origins import dotted
from labd.daemon import lock
from labd.daemon.events import PRIVATE
from labd.errors import LabdError
from labd.jobs import model
from tests.docs_terminal import Terminal, check_answers, check_events

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=str)
REFERENCE = ROOT / "docs" / "reference"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text()


# -- what is generated ---------------------------------------------------------------------------


def test_generated_parts_are_what_the_code_says():
    assert not generate.stale(), "run: python -m docs.generate"


def test_every_part_stands_on_a_page():
    text = "".join(page.read_text() for page in generate.pages())
    assert sorted(re.findall(r"<!-- generated: (.*?) -->", text)) == sorted(generate.PARTS)


def test_every_setting_is_documented():
    text = text_of("configuration")
    assert not [dotted(path) for path in setting_paths(Config) if f"| `{dotted(path)}` |" not in text]


def test_every_method_is_documented():
    text = text_of("methods")
    assert not [method.name for method in methods.all_methods() if f"### {method.name}\n" not in text]


def test_every_hook_is_documented():
    hooks = [name for name in vars(LabdHooks) if name.startswith("labd_")]
    assert hooks
    assert not [hook for hook in hooks if f"### {hook}\n" not in text_of("hooks")]


def test_every_command_and_option_is_documented():
    assert not [name for name in names.COMMANDS if f"## labctl {name}\n" not in text_of("labctl")]
    assert not [name for name in COMMANDS if f"## labd {name}\n" not in text_of("labd")]
    for name in names.COMMANDS:
        options = labctl.command_parser(name, labctl.load(name)).options
        assert not [option for option in options if option != "-h" and option not in text_of("labctl")]


def test_every_exit_code_and_error_is_documented():
    text = text_of("exit-codes")
    assert not [number for number in exits.TABLE if f"| {number} |" not in text]
    assert not [fault.code for fault in LabdError.__subclasses__() if f"| `{fault.code}` |" not in text]


def test_every_field_of_a_job_is_documented():
    text = text_of("json-shapes")
    structs = (JobView, JobSpec, model.Attempt)
    found = {field.name for struct in structs for field in msgspec.structs.fields(struct)} - PRIVATE
    assert not [name for name in found if f"| `{name}` |" not in text]


KIND = re.compile(r"(job|daemon|gpu|machine|plugin|service|store|notify|worker|map|model)\.[a-z_]+")


def said_in_code() -> set[str]:
    """Every text in labd that has the form of a kind of event, methods and settings left out."""
    parts = ("jobs", "daemon", "resources", "workers", "plugins")
    files = [file for part in parts for file in (ROOT / "labd" / part).rglob("*.py")]
    trees = [ast.parse(file.read_text()) for file in files]
    constants = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    found = {text for text in constants if isinstance(text, str) and KIND.fullmatch(text)}
    names = {method.name for method in methods.all_methods()} | set(map(dotted, setting_paths(Config)))
    of_opentelemetry = {"service.name", "service.version"}
    notices = {"model.part"}
    return found - names - notices - {lock.FILE, "map.json", "models.json"} - of_opentelemetry


def test_every_kind_of_event_is_documented():
    made = {f"job.{state}" for state in model.ENDED} | {f"service.{state}" for state in ServiceState}
    assert said_in_code() | made == set(words.EVENTS)
    assert set(model.TRANSITIONS) < set(words.EVENTS)


# -- links and places ----------------------------------------------------------------------------

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of *page*, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


def test_the_index_links_every_page():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    assert not [name_of(p) for p in (ROOT / "docs").rglob("*.md") if p != index and p.resolve() not in linked]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_knows_the_machine_it_was_written_on(page):
    found = re.findall(r"(?<![\w.~/])/(?:work|root|home/\w+|tmp/(?!labd-UID)\w+)\b[^\s`)]*", page.read_text())
    assert not found


def prose(page: Path) -> str:
    """What of *page* was written by hand and is no code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"<!-- generated: .*?<!-- end -->", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lines_are_short_and_plain(page):
    lines = prose(page).splitlines()
    assert not [line for line in lines if len(line) > 120 and not line.startswith("|")]
    assert not re.findall("[\U0001f000-\U0001faff\u2600-\u27bf]", page.read_text())


def test_the_picture_is_a_capture_that_fits_a_terminal():
    shown = pictures.shown((ROOT / "docs" / "images" / "demo.svg").read_text())
    assert len(shown) <= pictures.ROWS
    assert max(map(len, shown)) <= pictures.COLUMNS
    assert any("labd demo" in line for line in shown)


@pytest.mark.parametrize(
    "picture", sorted((ROOT / "docs" / "images").glob("tui-*.svg")), ids=lambda p: p.name
)
def test_pictures_of_the_interface_are_shown_live_and_load_nothing(picture: Path):
    text = picture.read_text()
    assert "live" in text
    assert not re.findall(r"(?:href|url\()[\"'( ]*http", text)
    pages = [*PAGES, ROOT / "README.md"]
    assert any(picture.name in page.read_text() for page in pages), "no page shows it"


# -- configuration in pages ----------------------------------------------------------------------


def marked(language: str, word: str) -> list[tuple[Path, Block]]:
    return [(p, b) for p in PAGES for b in blocks(p) if b.language == language and word in b.words]


def test_every_configuration_shown_is_a_good_one(tmp_path):
    shown = marked("toml", "config")
    assert shown
    for _, block in shown:
        file = tmp_path / "labd.toml"
        file.write_text(block.text)
        file.chmod(0o600)
        load([str(file)])


def test_every_other_block_of_toml_is_toml():
    for page in PAGES:
        for block in blocks(page):
            if block.language == "toml":
                tomllib.loads(block.text)


# -- commands in pages ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_terminal() -> Iterator[type[Terminal]]:
    made: list[Terminal] = []

    def make() -> Terminal:
        made.append(Terminal())
        return made[-1]

    yield make
    for terminal in made:
        terminal.close()


def runnable(page: Path) -> bool:
    return any("run" in block.words or "background" in block.words for block in blocks(page))


@pytest.mark.real
@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name_of)
def test_every_command_of_the_page_works(page, make_terminal):
    terminal = make_terminal()
    shown = blocks(page)
    if not any("background" in block.words for block in shown):
        terminal.background("labd")
    for block in shown:
        terminal.play(block)
    check_events(terminal)
    check_answers(terminal)


def test_every_command_of_the_tutorial_is_run():
    """But for the installation, which made this very test possible, and the demo, which has its own tests."""
    page = ROOT / "docs" / "tutorial.md"
    consoles = [block for block in blocks(page) if block.language == "console"]
    left = [block.text for block in consoles if not {"run", "background"} & set(block.words)]
    assert len(left) == 2
    assert "pip install -e ." in left[0]
    assert left[1] == "$ labd demo\n"
