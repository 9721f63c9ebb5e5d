"""Sources, their order, and where each value comes from."""

import pytest

from labd.config import Config, ConfigErrors, changed, changed_needing_restart, find_files, load


@pytest.fixture
def file(tmp_path):
    def write(text, name="labd.toml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


def test_without_any_source_everything_is_the_default():
    loaded = load()
    assert loaded.config == Config()
    assert {str(origin) for origin in loaded.origins.values()} == {"default"}


def test_every_setting_has_an_origin():
    assert "daemon.log_level" in load().origins
    assert set(load().origins) == set(load(overrides=["jobs.max_queued=1"]).origins)


def test_later_sources_win_and_each_value_remembers_its_own(file):
    main = file("[jobs]\nmax_queued = 1\nkill_grace = 1\ndefault_cpus = 1\ndefault_memory = 1\n")
    extra = file("[jobs]\n\nkill_grace = 2\ndefault_cpus = 2\ndefault_memory = 2\n", "conf.d/a.toml")
    env = {"LABD_JOBS__DEFAULT_CPUS": "3", "LABD_JOBS__DEFAULT_MEMORY": "3"}
    loaded = load([main, extra], env, ["jobs.default_memory=4"])
    jobs = loaded.config.jobs
    assert (jobs.max_queued, jobs.kill_grace, jobs.default_cpus, jobs.default_memory) == (1, 2, 3, 4)
    assert [str(loaded.origins[f"jobs.{key}"]) for key in (
        "max_queued", "kill_grace", "default_cpus", "default_memory", "max_queued_per_user"
    )] == [
        f"{main}:2", f"{extra}:3", "env LABD_JOBS__DEFAULT_CPUS", "option -o jobs.default_memory", "default",
    ]  # fmt: skip


def test_the_last_of_several_options_wins():
    assert load(overrides=["jobs.max_queued=1", "jobs.max_queued=2"]).config.jobs.max_queued == 2


def test_an_option_may_set_a_whole_section():
    loaded = load(overrides=["store={snapshots_kept = 9, snapshot_interval = '2h'}"])
    assert loaded.config.store.snapshots_kept == 9
    assert loaded.config.store.snapshot_interval == 7200


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("8G", 8 * 2**30), ('"512MiB"', 512 * 2**20), ("2000000", 2_000_000), ("5 MB", 5_000_000)],
)
def test_sizes_may_be_text(text, bytes_):
    assert load(env={"LABD_RESOURCES__MEMORY": text}).config.resources.memory == bytes_


@pytest.mark.parametrize(("text", "seconds"), [("1h30m", 5400), ('"90s"', 90), ("0.5", 0.5), ("250ms", 0.25)])
def test_times_may_be_text(text, seconds):
    assert load(overrides=[f"jobs.kill_grace={text}"]).config.jobs.kill_grace == seconds


def test_an_optional_time_is_none_by_that_word():
    assert load(overrides=["jobs.default_time_limit=1h"]).config.jobs.default_time_limit == 3600
    assert load(overrides=["jobs.default_time_limit=none"]).config.jobs.default_time_limit is None


def test_alternatives_keep_their_kind():
    assert load().config.resources.gpus == "auto"
    assert load(overrides=["resources.gpus=none"]).config.resources.gpus == "none"
    assert load(overrides=["resources.gpus=[]"]).config.resources.gpus == []
    assert load(overrides=["resources.gpus=[0, 2]", "resources.cores=3"]).config.resources.gpus == [0, 2]


def test_a_variable_for_text_is_text_even_when_it_looks_like_a_number():
    assert load(env={"LABD_DAEMON__STATE_DIR": "/5"}).config.daemon.state_dir == "/5"
    assert load(env={"LABD_DAEMON__LOG_LEVEL": "debug"}).config.daemon.log_level == "debug"


def test_a_variable_cannot_smuggle_in_a_second_key():
    with pytest.raises(ConfigErrors, match="must be a whole number"):
        load(env={"LABD_JOBS__MAX_QUEUED": "1\nother = 2"})


@pytest.mark.parametrize(
    "name", ["LABD_SOCKET", "LABD_JOB_ID", "LABD_TOKEN", "LABD_RUN_DIR", "labd_jobs__x", "OTHER__X"]
)
def test_variables_that_are_not_configuration_are_left_alone(name):
    assert load(env={name: "x"}).config == Config()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LABD_JOBS__MAX_QUEUD", "LABD_JOBS__MAX_QUEUED"),
        ("LABD_JOB__MAX_QUEUED", "LABD_JOBS__MAX_QUEUED"),
        ("LABD_JOBS__MAXQUEUED", "LABD_JOBS__MAX_QUEUED"),
        ("LABD_DEAMON__STATE_DIR", "LABD_DAEMON__STATE_DIR"),
        ("LABD_WIRE__MAX__FRAME", "LABD_WIRE__MAX_FRAME"),
    ],
)
def test_a_variable_that_names_no_setting_is_told_the_nearest(name, meant):
    with pytest.raises(ConfigErrors) as caught:
        load(env={name: "5"})
    assert str(caught.value).startswith(f"env {name}: ")
    assert f'did you mean "{meant}"?' in str(caught.value)


@pytest.mark.parametrize("option", ["jobs.max_queued", "=5", "a b=1", "", "jobs.=1"])
def test_an_option_of_another_form_is_told_the_form(option):
    with pytest.raises(ConfigErrors, match=r"write -o section\.key=value"):
        load(overrides=[option])


def test_an_option_that_names_no_setting_is_told_the_nearest():
    with pytest.raises(ConfigErrors, match=r'did you mean "wire.max_frame"\?'):
        load(overrides=["wires.max_frame=5"])


def test_text_may_be_read_from_a_variable_and_the_origin_says_so(file):
    path = file('[daemon]\nstate_dir = { env = "WHERE" }\n')
    loaded = load([path], {"WHERE": "/there"})
    assert loaded.config.daemon.state_dir == "/there"
    assert str(loaded.origins["daemon.state_dir"]) == f"{path}:2, from env WHERE"


def test_an_item_of_a_list_may_be_read_from_a_file(file):
    file("anna\n", "operator")
    loaded = load([file('[access]\noperate = ["@lab", { file = "operator" }]\n')])
    assert loaded.config.access.operate == ["@lab", "anna"]


def test_a_list_in_a_later_source_replaces_the_earlier_one(file):
    first, second = file('[access]\nadmin = ["a"]\n'), file('[access]\nadmin = ["b"]\n', "b.toml")
    assert load([first, second]).config.access.admin == ["b"]


def test_windows_line_ends_do_not_shift_the_lines(tmp_path):
    path = tmp_path / "labd.toml"
    path.write_bytes(b"[jobs]\r\n\r\nmax_queued = 3\r\n")
    assert load([str(path)]).origins["jobs.max_queued"].line == 3


def test_the_given_file_comes_first_and_then_its_folder_sorted(file, tmp_path):
    for name in ("conf.d/b.toml", "conf.d/a.toml", "conf.d/.hidden.toml", "conf.d/notes.txt"):
        file("", name)
    main = str(tmp_path / "labd.toml")
    assert find_files(main) == [main, str(tmp_path / "conf.d/a.toml"), str(tmp_path / "conf.d/b.toml")]


def test_a_usual_file_that_is_missing_is_fine_and_its_folder_is_read_all_the_same(file, tmp_path):
    (tmp_path / "labd").mkdir()
    extra = file("", "labd/conf.d/a.toml")
    assert find_files(env={"XDG_CONFIG_HOME": str(tmp_path)}, uid=1000) == [extra]
    assert find_files(env={"XDG_CONFIG_HOME": str(tmp_path / "no")}, uid=1000) == []


def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path):
    (tmp_path / "conf.d").symlink_to("conf.d")
    with pytest.raises(ConfigErrors, match=r"conf\.d: cannot be read"):
        find_files(str(tmp_path / "labd.toml"))


def test_systemd_says_where_the_usual_file_is(file, tmp_path):
    main = file("")
    assert find_files(env={"CONFIGURATION_DIRECTORY": str(tmp_path)}, uid=0) == [main]


def test_what_a_running_daemon_cannot_take_up_is_named():
    old = load().config
    new = load(
        overrides=["daemon.socket=/x", "daemon.state_dir=/y", "jobs.max_queued=3", "plugins.a={b=1}"]
    ).config
    assert changed_needing_restart(old, new) == ["daemon.state_dir", "daemon.socket"]
    assert changed(old, new) == ["daemon.state_dir", "daemon.socket", "jobs.max_queued", "plugins.a"]
    assert changed(new, new) == changed_needing_restart(new, new) == []


def test_raw_tables_of_plugins_are_merged_over_the_sources(file):
    first = file("[plugins.a]\nx = 1\nlist = [1]\n[plugins.a.in]\ny = 1\n")
    second = file("[plugins.a]\nlist = [2]\n[plugins.a.in]\nz = 2\n", "b.toml")
    settings = load([first, second], {"LABD_PLUGINS__A__X": "5"}).config.plugins.settings
    assert settings == {"a": {"x": 5, "list": [2], "in": {"y": 1, "z": 2}}}
