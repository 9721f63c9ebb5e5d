"""Every page and every key of it, over a link that is made up."""

from pathlib import Path
from typing import Any

import pytest

from labd.errors import Conflict
from labd.tui.panels import Contained
from labd.tui.screens.jobs import Jobs
from labd.tui.settings import Settings
from labd.tui.widgets.grid import Grid
from labd.tui.widgets.logview import LogView
from tests.tui.house import NOW, Run, drive, event, model


def marked(run: Run) -> set[int]:
    page = run.app.screen
    assert isinstance(page, Jobs)
    return page.marked


# -- the frame ----------------------------------------------------------------------------------


def test_the_number_keys_show_the_pages():
    async def test(run: Run) -> None:
        for key, word in (
            ("1", "Machine"),
            ("3", "training"),
            ("4", "map-2"),
            ("5", "digits"),
            ("6", "Services"),
            ("7", "service.backoff"),
            ("8", "No panels"),
            ("2", "resnet"),
        ):
            await run.press(key)
            await run.sees(word)

    drive(test, "overview")


def test_help_shows_the_keys_of_the_page_and_how_they_can_be_named():
    async def test(run: Run) -> None:
        await run.press("question_mark")
        await run.sees("Jobs", "Filter the jobs", "jobs.filter")
        await run.press("escape")
        assert isinstance(run.app.screen, Jobs)

    drive(test, size=(120, 50))


def test_keys_can_be_remapped():
    async def test(run: Run) -> None:
        await run.press("x")
        await run.sees("Cancel job 7")

    drive(test, settings=Settings(keys={"jobs.cancel": "x"}))


def test_the_palette_offers_what_applies_and_no_more():
    async def test(run: Run) -> None:
        await run.press("ctrl+p")
        await run.type("chosen jobs")
        await run.sees("Cancel the chosen jobs", "Stop the chosen jobs")
        assert "Let the chosen jobs go\n" not in run.text()

    drive(test, size=(120, 50))


def test_themes_are_taken_up_at_once():
    async def test(run: Run) -> None:
        before = run.app.ink["good"]
        run.app.look("light")
        await run.settle()
        assert run.app.ink["good"] != before
        assert run.app.theme == "labd-light"

    drive(test)


def test_a_link_that_is_down_is_shown_and_one_that_went_on_says_where():
    async def test(run: Run) -> None:
        run.app.store.linked(run.app.store.link._replace(up=False, error="no labd answers"))
        run.app.wake()
        await run.sees("no labd")
        run.app.store.linked(run.app.store.link._replace(up=True, resumed=5))
        run.app.wake()
        await run.sees("↻ after 5", "● live")

    drive(test)


def test_a_click_on_the_top_line_shows_a_page():
    async def test(run: Run) -> None:
        at = run.text().splitlines()[0].index("Events")
        await run.pilot.click(offset=(at, 0))
        await run.sees("service.backoff")

    drive(test)


def test_r_asks_for_everything_again():
    async def test(run: Run) -> None:
        await run.press("r")
        assert ("refresh", {}) in run.link.calls

    drive(test)


# -- overview -----------------------------------------------------------------------------------


def test_the_overview_goes_on_to_the_jobs():
    async def test(run: Run) -> None:
        await run.sees("Cores", "4/8 held", "GPU 0", "resnet", "2 cores (0 free)")
        await run.press("enter")
        assert isinstance(run.app.screen, Jobs)

    drive(test, "overview")


# -- jobs ---------------------------------------------------------------------------------------


def test_a_filter_narrows_the_table_and_escape_clears_it():
    async def test(run: Run) -> None:
        await run.press("slash")
        await run.type("user:bob")
        await run.press("enter")
        await run.sees("1 of 7 jobs")
        assert "resnet" not in run.text()
        await run.press("escape")
        await run.sees("resnet")

    drive(test)


def test_a_wrong_filter_says_what_is_wrong():
    async def test(run: Run) -> None:
        await run.press("slash")
        await run.type("colour:red")
        await run.sees("there is no field 'colour'")

    drive(test)


def test_sorting_reversing_and_grouping():
    async def test(run: Run) -> None:
        await run.press("s")
        await run.sees("sorted by id")
        await run.press("S")
        await run.sees("sorted by id (turned round)")
        await run.press("b")
        await run.sees("grouped by state", "▾ failed 1")
        await run.press("home", "enter")
        await run.sees("▸ failed 1")

    drive(test)


def test_a_click_on_a_heading_sorts():
    async def test(run: Run) -> None:
        at = run.text().splitlines()[1].index("NAME")
        await run.pilot.click(Grid, offset=(at, 0))
        await run.sees("sorted by name")

    drive(test)


def test_marked_jobs_are_cancelled_together_after_a_question():
    async def test(run: Run) -> None:
        await run.press("space", "space", "c")
        await run.sees("Cancel 2 jobs?")
        await run.press("y")
        await run.until(lambda: len(run.link.took("job.cancel")) == 2)
        assert {ask["job"] for ask in run.link.took("job.cancel")} == {6, 7}
        assert not marked(run)

    drive(test)


def test_no_is_no():
    async def test(run: Run) -> None:
        await run.press("c", "n")
        assert isinstance(run.app.screen, Jobs)
        await run.press("c", "escape")
        assert not run.link.took("job.cancel")

    drive(test)


def test_mark_all_and_unmark():
    async def test(run: Run) -> None:
        await run.press("A")
        await run.sees("7 marked")
        await run.press("escape")
        assert not marked(run)

    drive(test)


@pytest.mark.parametrize(
    ("keys", "method", "number", "back"),
    [
        (["down", "down", "h"], "job.hold", 4, "job.release"),
        (["p"], "job.pause", 7, "job.resume"),
        (["slash", "state:held", "enter", "H"], "job.release", 3, "job.hold"),
    ],
)
def test_what_can_be_taken_back_is_done_at_once_and_taken_back(
    keys: list[str], method: str, number: int, back: str
):
    async def test(run: Run) -> None:
        for key in keys:
            await (run.type(key) if ":" in key else run.press(key))
        await run.until(lambda: run.link.took(method) == [{"job": number}])
        await run.until(lambda: run.app.undoing is not None)
        await run.press("u")
        await run.until(lambda: run.link.took(back) == [{"job": number}])

    drive(test)


def test_a_paused_job_goes_on():
    async def test(run: Run) -> None:
        run.app.store.take(event(6, "job.paused", job=7))
        run.app.wake()
        await run.sees("paused")
        await run.press("slash")
        await run.type("state:paused")
        await run.press("enter", "P")
        await run.until(lambda: run.link.took("job.resume") == [{"job": 7}])

    drive(test)


@pytest.mark.parametrize(("keys", "method"), [(["e"], "job.requeue"), (["end", "t"], "job.retry")])
def test_what_cannot_be_taken_back_is_asked_for(keys: list[str], method: str):
    async def test(run: Run) -> None:
        await run.press(*keys)
        assert not run.link.took(method)
        await run.press("y")
        await run.until(lambda: len(run.link.took(method)) == 1)

    drive(test)


def test_a_priority_is_given_and_taken_back():
    async def test(run: Run) -> None:
        await run.press("down", "down", "plus")
        await run.sees("Priority of job 4")
        await run.press("9", "enter")
        await run.until(lambda: run.link.took("job.prioritise") == [{"job": 4, "priority": 9}])
        await run.until(lambda: run.app.undoing is not None)
        await run.press("u")
        await run.until(lambda: {"job": 4, "priority": 3} in run.link.took("job.prioritise"))

    drive(test)


def test_a_refusal_is_told_with_its_hint():
    async def test(run: Run) -> None:
        run.link.refusal = Conflict("job 7 has ended", hint="labctl show 7")
        await run.press("p")
        await run.until(lambda: any("job 7 has ended\nlabctl show 7" in note for note in run.notes))
        assert run.app.undoing is None

    drive(test)


def test_the_form_submits_and_stays_when_something_is_wrong():
    async def test(run: Run) -> None:
        await run.press("n", "enter")
        await run.sees("what is to be run?")
        await run.type("sleep 5")
        await run.press("tab")
        await run.type("nap")
        await run.press("enter")
        await run.until(lambda: bool(run.link.took("job.submit")))
        spec = run.link.took("job.submit")[0]["spec"]
        assert (spec["argv"], spec["name"], spec["cpus"]) == (["sleep", "5"], "nap", 1.0)
        await run.until(lambda: isinstance(run.app.screen, Jobs))

    drive(test)


def test_a_job_like_another_is_offered():
    async def test(run: Run) -> None:
        await run.press("N")
        await run.sees("New job", "python train.py", "/home/ada")
        await run.press("escape")

    drive(test)


def test_the_detail_says_everything_and_goes_back():
    async def test(run: Run) -> None:
        await run.press("enter")
        await run.sees(
            "resnet",
            "Attempts",
            "peak 2G",
            "Code snapshot",
            "abcdef012345 main, with changes",
            "Results",
            "Environment",
            "HOME=",
        )
        await run.press("escape")
        assert isinstance(run.app.screen, Jobs)

    drive(test, size=(100, 50))


def test_the_detail_says_why_a_job_waits_and_shows_the_tasks_of_an_array():
    async def test(run: Run) -> None:
        await run.press("down", "down", "enter")
        await run.sees("Why it waits", "2 cores; 0 are free", "job 7 (resnet)")
        await run.press("escape", "up", "enter")
        await run.sees("Tasks", "6_0", "5 to 9: 5 queued")

    drive(test, size=(100, 50))


def test_beside_the_table_stands_the_job_under_the_cursor():
    async def test(run: Run) -> None:
        await run.sees("Attempts")
        await run.press("end")
        await run.until(lambda: {"job": 1} in run.link.took("job.show"))

    drive(test, size=(200, 40))


def test_events_change_the_table():
    async def test(run: Run) -> None:
        spec = {"name": "fresh", "cpus": 1.0}
        run.app.store.take(event(6, "job.submitted", job=8, user="eve", spec=spec))
        run.app.wake()
        await run.sees("fresh", "8 jobs")
        run.app.store.take(event(7, "job.failed", "exit code 9", job=7, attempt=1, exit_code=9))
        run.app.wake()
        await run.sees("exit 9")

    drive(test)


def test_the_cursor_stays_on_its_job():
    async def test(run: Run) -> None:
        await run.press("down", "down")
        run.app.store.take(event(6, "job.started", job=5, attempt=1, started=NOW))
        run.app.wake()
        await run.settle()
        page: Any = run.app.screen
        await run.until(lambda: page.ordering.place(5) == 0 or page.ordering.place(5) is not None)
        assert page.under() == 4

    drive(test)


def test_a_second_click_opens_a_job():
    async def test(run: Run) -> None:
        await run.pilot.click(Grid, offset=(12, 2), times=2)
        await run.until(lambda: type(run.app.screen).__name__ == "Job")

    drive(test)


# -- curves -------------------------------------------------------------------------------------


def test_curves_of_a_job():
    async def test(run: Run) -> None:
        await run.press("m")
        await run.sees("loss", "accuracy", "step", "42")
        await run.press("x")
        await run.sees("time")
        await run.press("L")
        await run.sees("(log)")
        await run.press("escape")
        assert isinstance(run.app.screen, Jobs)

    drive(test, size=(140, 40))


# -- logs ---------------------------------------------------------------------------------------


def test_a_log_begins_at_its_end_and_moves():
    async def test(run: Run) -> None:
        await run.press("l")
        await run.sees("step 4999 of the training", "100%")
        await run.press("home")
        await run.sees("step 0 of the training")
        await run.press("pagedown", "down")
        await run.until(lambda: "step 0 of" not in run.text())
        await run.press("up", "pageup")
        await run.sees("step 0 of the training")
        await run.press("f")
        await run.sees("step 4999 of the training")

    drive(test)


def test_a_search_finds_and_goes_on():
    async def test(run: Run) -> None:
        await run.press("l")
        await run.sees("step 4999")
        await run.press("home", "slash")
        await run.type("STEP 42 ")
        await run.press("enter")
        await run.sees("step 42 of")
        await run.press("n")
        await run.until(lambda: any("no match below" in note for note in run.notes))
        await run.press("escape", "slash")
        await run.type("step 4")
        await run.press("enter", "N")
        await run.press("escape")

    drive(test)


def test_the_jobs_of_the_log_page_and_wrapping():
    async def test(run: Run) -> None:
        await run.sees("step 4999")
        await run.press("o", "down", "enter")
        await run.until(lambda: any(ask["job"] == 6 for ask in run.link.took("job.log")))
        await run.press("w", "right", "left")
        assert run.app.screen.query_one(LogView).wrapping
        await run.press("left_square_bracket", "right_square_bracket")

    drive(test, "logs")


def test_a_click_at_the_edge_of_a_log_goes_there():
    async def test(run: Run) -> None:
        await run.sees("step 4999")
        view = run.app.screen.query_one(LogView)
        await run.pilot.click(LogView, offset=(view.size.width - 1, view.size.height // 2))
        await run.until(lambda: 0.3 < view.share < 0.7)

    drive(test, "logs")


# -- maps ---------------------------------------------------------------------------------------


def test_maps_show_what_failed_first():
    async def test(run: Run) -> None:
        await run.press("down", "enter")
        await run.sees("map-1", "ValueError", "no 3")
        await run.press("up")

    drive(test, "maps", size=(140, 40))


def test_maps_are_cancelled_and_retried():
    async def test(run: Run) -> None:
        await run.press("c", "y")
        await run.until(lambda: run.link.took("map.cancel") == [{"map": 2}])
        await run.press("down", "t", "y")
        await run.until(lambda: run.link.took("map.retry") == [{"map": 1}])

    drive(test, "maps")


def test_progress_of_maps_is_live():
    async def test(run: Run) -> None:
        run.app.store.take(
            event(0, "map.progress", map=2, state="running", total=100, succeeded=77, failed=0, eta=3.0)
        )
        run.app.wake()
        await run.sees("77%")

    drive(test, "maps")


# -- models -------------------------------------------------------------------------------------


def test_models_show_their_queue_batches_and_workers():
    async def test(run: Run) -> None:
        await run.sees("digits", "ready", "2/2", "4 wait", "3 overloaded", "p99", "4 rows", "digits-1")
        await run.press("down")
        await run.sees("no weights")

    drive(test, "models", size=(200, 60))


def test_a_model_is_asked_and_answers():
    async def test(run: Run) -> None:
        await run.press("i")
        await run.sees("Ask digits", "x  FP32[any, 2]", "[[0, 0]]")
        await run.press("enter")
        await run.sees("y = [[0.5]]", "by version 1")
        asked = run.link.took("model.infer")[0]
        assert asked["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": bytes(8)}]
        await run.press("home", "x", "enter")
        await run.sees("write it as JSON")
        await run.press("escape")

    drive(test, "models")


@pytest.mark.parametrize(
    ("keys", "method", "params"),
    [
        (["R", "y"], "model.reload", {"model": "digits"}),
        (["U", "y"], "model.unload", {"model": "digits", "version": "1"}),
        (["plus", "3", "enter"], "model.scale", {"model": "digits", "workers": 3}),
        (["down", "L", "y"], "model.load", {"model": "old"}),
    ],
)
def test_models_are_steered(keys: list[str], method: str, params: dict[str, Any]):
    async def test(run: Run) -> None:
        await run.sees("old")
        await run.press(*keys)
        await run.until(lambda: run.link.took(method) == [params])

    drive(test, "models")


def test_no_to_an_unload_is_no():
    async def test(run: Run) -> None:
        await run.sees("old")
        await run.press("U", "n")
        assert not run.link.took("model.unload")

    drive(test, "models")


def test_a_new_model_is_loaded_by_a_form():
    async def test(run: Run) -> None:
        await run.sees("digits")
        await run.press("L", "enter")
        await run.sees("what is it called?")
        for text in ("net", "net:Net", "/srv", "2", "", "scale=2 file=w.npz"):
            await run.type(text)
            await run.press("tab")
        await run.press("enter")
        spec = {
            "target": "net:Net",
            "workers": 2,
            "path": ["/srv"],
            "arguments": {"scale": 2, "file": "w.npz"},
        }
        await run.until(lambda: run.link.took("model.load") == [{"model": "net", "spec": spec}])

    drive(test, "models")


def test_without_the_plugin_the_page_says_what_to_do():
    async def test(run: Run) -> None:
        run.link.serving = None
        run.app.store.take(event(9, "plugin.disabled", plugin="serving"))
        run.app.wake()
        await run.sees("plugin serving", "E enables it")
        await run.press("i", "U", "L")
        assert not run.link.took("model.unload")
        run.link.serving = [model("back")]
        run.app.store.take(event(10, "plugin.enabled", plugin="serving"))
        run.app.wake()
        await run.sees("back")

    drive(test, "models")


# -- pictures -----------------------------------------------------------------------------------


def test_pictures_of_a_job_are_shown_one_after_the_other(tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    for name in ("loss", "roc"):
        image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / f"{name}.png")

    async def test(run: Run) -> None:
        run.link.artifacts = [
            {"name": name, "path": str(tmp_path / name), "size": 9}
            for name in ("model.pt", "loss.png", "roc.png")
        ]
        await run.press("i")
        await run.sees("loss.png", "64 x 64", "1 of 2", "▀▀▀▀")
        await run.press("right")
        await run.sees("roc.png", "2 of 2")
        await run.press("escape")
        await run.sees("resnet")

    drive(test)


def test_a_job_without_pictures_says_so():
    async def test(run: Run) -> None:
        await run.press("i")
        await run.sees("no pictures")

    drive(test)


# -- plugins ------------------------------------------------------------------------------------


def test_plugins_are_switched():
    async def test(run: Run) -> None:
        await run.sees("service poller failed", "OSError: no dice")
        await run.press("R")
        await run.until(lambda: run.link.took("plugin.reload") == [{"plugin": "dice"}])
        await run.press("T")
        await run.until(lambda: run.link.took("plugin.trace") == [{"plugin": "dice", "on": True}])
        await run.press("D", "y")
        await run.until(lambda: run.link.took("plugin.disable") == [{"plugin": "dice"}])
        await run.press("down", "E")
        await run.until(lambda: run.link.took("plugin.enable") == [{"plugin": "off"}])

    drive(test, "plugins", size=(140, 40))


def test_settings_of_a_plugin():
    async def test(run: Run) -> None:
        await run.press("enter")
        await run.sees("Settings", "sides")

    drive(test, "plugins", size=(140, 40))


# -- events -------------------------------------------------------------------------------------


def test_events_are_filtered_stopped_and_lead_to_jobs():
    async def test(run: Run) -> None:
        await run.press("slash")
        await run.type("job.*")
        await run.press("enter")
        await run.sees("3 of the last 5 events")
        await run.press("space")
        run.app.store.take(event(6, "job.held", job=5))
        run.app.wake()
        await run.sees("stopped: 1 since")
        await run.press("space")
        await run.sees("job.held")
        await run.press("escape", "home", "enter")
        await run.until(lambda: type(run.app.screen).__name__ == "Job")
        await run.press("escape", "l")
        await run.until(lambda: any(ask["job"] == 5 for ask in run.link.took("job.log")))

    drive(test, "events", size=(140, 40))


# -- panels -------------------------------------------------------------------------------------


class Good:
    title = "Dice"
    methods = ("dice.state",)
    topics = ("dice.*",)

    def draw(self, answers: dict[str, Any], width: int, height: int) -> list[Any]:
        return [f"{len(answers)} answers", [("rolled ", "dim"), ("six", "good")]]


class Bad(Good):
    title = "Bad"

    def draw(self, answers: dict[str, Any], width: int, height: int) -> list[Any]:
        raise RuntimeError("no dice")


class Slow(Good):
    title = "Slow"

    def draw(self, answers: dict[str, Any], width: int, height: int) -> list[Any]:
        while True:
            pass


def test_panels_are_shown_and_those_that_fail_are_stopped():
    async def test(run: Run) -> None:
        await run.sees("1 answers", "rolled six")
        await run.press("right")
        await run.sees("Bad was stopped", "RuntimeError: no dice")
        await run.press("right")
        await run.sees("Slow was stopped", "longer than 0.5 s")
        await run.press("enter", "left", "left")
        await run.sees("rolled six")

    drive(test, "panels", panels=[Contained("a", Good), Contained("b", Bad), Contained("c", Slow)])
