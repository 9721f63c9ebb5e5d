"""Models for tests: other people's code, good and bad. It runs in workers."""

import os
import time

import numpy as np


class Double:
    inputs = {"x": ("INT64", [-1, 1])}
    outputs = {"y": ("INT64", [-1, 1])}

    def __init__(self, pause=0.0, factor=2):
        self.pause, self.factor = pause, factor

    def predict(self, x):
        time.sleep(self.pause)
        return x * self.factor


class Picky:
    """Raises for 13, dies of 66, hangs at 99, says that 7 is the client's mistake."""

    def predict(self, x):
        if 13 in x:
            raise ValueError("13 is bad luck")
        if 66 in x:
            os._exit(3)
        if 99 in x:
            time.sleep(600)
        if 7 in x:
            raise BadInput("7 is too little")
        return x + 1


class BadInput(ValueError):
    pass


class Raises:
    def __init__(self):
        raise RuntimeError("no weights here")


class Hangs:
    def __init__(self):
        time.sleep(600)


class Dies:
    def __init__(self):
        os._exit(5)


class NoPredict:
    pass


class Odd:
    """Answers as its arguments say."""

    def __init__(self, how):
        self.how = how

    def predict(self, x):
        return {
            "short": lambda: x[:-1],
            "long": lambda: np.concatenate([x, x]),
            "nothing": lambda: None,
            "scalar": lambda: 5,
            "object": lambda: [{"a": 1}] * len(x),
            "complex": lambda: x.astype("c8"),
            "huge": lambda: np.zeros((len(x), 40_000_000), "f4"),
            "text": lambda: [f"item {n}" for n in x.reshape(-1)],
            "exit": lambda: exit(4),
        }[self.how]()


class Stream:
    def predict(self, x):
        for n in range(int(x[0, 0])):
            yield {"piece": np.array([[n]])}


class Contract:
    """The contract of wkr_serving."""

    def get_env(self, device_id, tmp_dir):
        return [np, device_id]

    def get_model(self, envs, model_dir, model_name, tmp_dir):
        return lambda batch: envs[0].sum(batch, axis=1)

    def predict(self, model, input):
        self.record_statistic({"batchsize": len(input), "device": self.device_id})
        return model(input)


class Waits:
    """Answers once a file is there."""

    def __init__(self, file):
        self.file = file

    def predict(self, x):
        while not os.path.exists(self.file):
            time.sleep(0.002)
        return x
