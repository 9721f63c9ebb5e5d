"""``dl_jobs.config.yaml`` in the current folder: the defaults of a project's jobs."""

from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from labd.dljob import flatyaml
from labd.dljob.helpers import bool_str, flag
from labd.dljob.resources import IMAGES, address
from labd.errors import ConfigError, Conflict, UsageError

FILE = "dl_jobs.config.yaml"
HEAD = "# dl_jobs: config\n"
TARGETS = ("labd", "local")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a job takes that says nothing of its own. ``given`` are the names that the file sets.

    ``target`` is where jobs run that are not for this process: ``labd`` or ``local``. ``workers`` is how many
    processes a local job has; 1 is the program itself.
    """

    cpus: float = 1
    gpus: int = 0
    cpu_job: bool = True
    cpu_image: str = IMAGES["py36"]
    gpu_image: str = IMAGES["py36_gpu"]
    is_dev: bool = True
    default_method: str = "task"
    dls_root: str = "dl_jobs"
    module_dir: str = "run"
    results_dir: str = "results"
    errors_dir: str = "errors"
    log_dir: str = "logs"
    save_results: bool | str = True
    save_errors: bool | str = True
    log: bool | str = True
    print_logs: bool = True
    noisy: bool = True
    suppress: tuple[str, ...] = ("DeprecationWarning", "FutureWarning")
    target: str = "labd"
    workers: int = 1
    given: frozenset[str] = frozenset()


KEYS = {field.name: type(field.default) for field in fields(Settings) if field.name != "given"}
NAMES_OR_NOT = ("save_results", "save_errors", "log")


def load(folder: str = ".") -> Settings:
    """The settings of the project in *folder*; the built-in ones without a file.

    Raises ConfigError that names the line, OSError.
    """
    path = Path(folder, FILE)
    try:
        entries = flatyaml.parse(path.read_text(encoding="utf-8"), FILE)
    except FileNotFoundError:
        return Settings()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{FILE} is no UTF-8: {error}") from None
    found = {}
    for key, entry in entries.items():
        try:
            found[key] = _converted(key, entry.value)
        except UsageError as error:
            raise ConfigError(f"{FILE}, line {entry.line}: {error.message}", hint=error.hint) from None
    return replace(Settings(), **found, given=frozenset(found))


def changed(settings: Settings, kwargs: dict[str, Any]) -> Settings:
    """*settings* with what the words of a command line say. Raises UsageError."""
    found = {key: _converted(key, value) for key, value in kwargs.items()}
    return replace(settings, **found, given=settings.given | set(found))


def as_dict(settings: Settings) -> dict[str, Any]:
    """Every setting by its name."""
    return {key: value for key, value in asdict(settings).items() if key in KEYS}


def generate(settings: Settings, force: bool = False, folder: str = ".") -> Path:
    """Write the file. Raises Conflict when there is one and not *force*; OSError."""
    path = Path(folder, FILE)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(HEAD + flatyaml.render(as_dict(settings)))
    except FileExistsError:
        raise Conflict(f"there is a {FILE} already", hint="--force true writes over it") from None
    return path


def _converted(key: str, value: Any) -> Any:
    if key not in KEYS:
        near = get_close_matches(key, KEYS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(KEYS)}"
        raise UsageError(f"there is no setting {key}", hint=hint)
    if isinstance(value, list | tuple) != (key == "suppress") and not isinstance(value, str):
        raise UsageError(f"{key} cannot be {value!r}")
    if key in NAMES_OR_NOT:
        return bool_str(value)
    return _OF_KIND[KEYS[key]](key, value)


def _text(key: str, value: Any) -> str:
    text = str(value or "")
    if key == "target" and text not in TARGETS:
        raise UsageError(f"target cannot be {text!r}", hint=f"there are: {', '.join(TARGETS)}")
    return address(text) if key.endswith("_image") else text


def _number(key: str, value: Any) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    least = 1 if key == "workers" else 0
    if not least <= number < 1e6 or (key != "cpus" and number != int(number)):
        raise UsageError(f"{key} cannot be {value!r}", hint=f"write a number from {least} on")
    return int(number) if number == int(number) else number


def _texts(_key: str, value: Any) -> tuple[str, ...]:
    found = value.split(",") if isinstance(value, str) else value
    return tuple(word.strip() for word in found if word.strip())


_OF_KIND: dict[type, Any] = {
    bool: lambda _key, value: flag(value),
    int: _number,
    str: _text,
    tuple: _texts,
}
