"""Loggers with the old files and the old lines."""

import logging
import os
import sys
from datetime import datetime
from logging.handlers import RotatingFileHandler
from typing import Any

ROTATED = 500 * 2**20
"""Bytes of a file."""


def set_logger(
    context: str,
    logger_dir: str | None = None,
    verbose: bool = False,
    error_log: bool = False,
    prefix: str = "WKRServer",
) -> logging.Logger:
    """A logger whose lines begin with *context*, to a file in *logger_dir* or to standard error."""
    log = logging.getLogger(f"wkr.{context}")
    log.propagate = False
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    place = ":[%(filename).3s:%(funcName).3s:%(lineno)3d]" if verbose else ""
    form = f"[%(asctime)s.%(msecs)03d]: %(levelname)-.1s:{context}{place}: %(message)s"
    for each in list(log.handlers):
        log.removeHandler(each)
        each.close()
    handler = _handler(logger_dir, prefix, error_log)
    handler.setFormatter(logging.Formatter(form, datefmt="%y-%m-%d %H:%M:%S"))
    log.addHandler(handler)
    return log


def _handler(folder: str | None, prefix: str, errors: bool) -> logging.Handler:
    if not folder:
        return logging.StreamHandler(sys.stderr)
    os.makedirs(folder, exist_ok=True)
    name = f"{prefix}_{datetime.now():%Y-%m-%d}.{'err' if errors else 'log'}"
    return RotatingFileHandler(os.path.join(folder, name), maxBytes=ROTATED, backupCount=10, delay=True)


class LoggerSeperate:
    """Two loggers as one: errors have a file of their own. The name is spelt as it always was."""

    def __init__(
        self,
        name: str,
        color: str = "",
        logger_dir: str | None = None,
        verbose: bool = False,
        prefix: str = "WKRServer",
    ) -> None:
        self.logger_info = set_logger(name, logger_dir, verbose, prefix=prefix)
        self.logger_erro = set_logger(f"{name}-ERROR", logger_dir, verbose, error_log=True, prefix=prefix)

    def info(self, msg: object, **options: Any) -> None:
        self.logger_info.info(msg, **options)

    def debug(self, msg: object, **options: Any) -> None:
        self.logger_info.debug(msg, **options)

    def warning(self, msg: object, **options: Any) -> None:
        self.logger_info.warning(msg, **options)

    def error(self, msg: object, **options: Any) -> None:
        self.logger_erro.error(msg, **options)
