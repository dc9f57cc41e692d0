"""The samplers of sbi and zuko that ``inverse_models.py`` compares with, in their documented use.

Each trains on pairs for so many processor seconds at most and stops early on a validation set of
its own; then it draws without regard to the box, which the caller keeps for all alike.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from invlab.networks.mlp import Standardizer
from invlab.runtime import generator
from invlab.task import Pairs

# Draws that a rival makes in one pass, and epochs without a better validation loss (sbi's default).
TOGETHER, PATIENCE = 20_000, 20


def epochs_within(seconds: float, train: Callable[[int], float]) -> int:
    """Epochs that take so many seconds, where ``train`` takes some and says how long it took.

    One warms up; then a twentieth of the seconds is timed.
    """
    train(1)
    some = max(2, round(seconds / 20 / train(2) * 2))
    return max(2, round(seconds / train(some) * some))


class Rival:
    """One of another library's samplers: ``fit`` it to pairs, then ``draw``."""

    name: str
    needs: tuple[str, ...]

    def missing(self) -> list[str]:
        """Packages that are not installed."""
        return [package for package in self.needs if importlib.util.find_spec(package) is None]

    def fit(self, data: Pairs, seconds: float, seed: int) -> float:
        """Train; returns the processor seconds that it took."""
        raise NotImplementedError

    def draw(self, y: Tensor, n: int) -> Tensor:
        """``n`` draws for each target: ``(B, dy)`` to ``(B, n, dx)``."""
        size = max(1, TOGETHER // n)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.cat([self.some(part.float(), n).double() for part in y.split(size)])

    def some(self, y: Tensor, n: int) -> Tensor:
        """The same for a few targets."""
        raise NotImplementedError


class Sbi(Rival):
    """A trainer of sbi at its defaults; the pairs set its scales, early stopping its end."""

    needs = ("sbi",)

    def trainer(self, prior: Any) -> Any:
        """An untrained one."""
        raise NotImplementedError

    def fit(self, data: Pairs, seconds: float, seed: int) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            epochs = epochs_within(seconds, lambda some: self._train(data, seed, some))
            return self._train(data, seed, epochs)

    def _train(self, data: Pairs, seed: int, epochs: int) -> float:
        from sbi.utils import BoxUniform

        torch.manual_seed(seed)
        prior = BoxUniform(data.x.amin(0) - 1e-3, data.x.amax(0) + 1e-3)
        # it writes a log beside whoever calls it
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            trainer = self.trainer(prior).append_simulations(data.x, data.y)
            begun = time.process_time()
            estimator = trainer.train(max_num_epochs=epochs)
            spent = time.process_time() - begun
        self.posterior = trainer.build_posterior(estimator)
        return spent

    def some(self, y: Tensor, n: int) -> Tensor:
        options = {"show_progress_bars": False, "reject_outside_prior": False}
        return self.posterior.sample_batched((n,), x=y, **options).transpose(0, 1)


class SbiNPE(Sbi):
    name = "sbi NPE, NSF"

    def trainer(self, prior: Any) -> Any:
        from sbi.inference import NPE

        return NPE(prior, density_estimator="nsf", show_progress_bars=False)


class SbiFMPE(Sbi):
    name = "sbi FMPE"

    def trainer(self, prior: Any) -> Any:
        from sbi.inference import FMPE

        return FMPE(prior, show_progress_bars=False)


class ZukoNSF(Rival):
    """The training loop of zuko's tutorials: autoregressive, Adam, scaled data, early stopping."""

    name, needs = "zuko NSF by hand", ("zuko",)

    def __init__(self, *, width: int = 128, batch: int = 256, lr: float = 1e-3) -> None:
        self.width, self.batch, self.lr = width, batch, lr

    def fit(self, data: Pairs, seconds: float, seed: int) -> float:
        import zuko

        torch.manual_seed(seed)
        train, held = data.split(0.1, generator=generator(seed, "zuko"))
        self.x, self.y = Standardizer.fit(train.x), Standardizer.fit(train.y)
        shape = {"transforms": 3, "hidden_features": [self.width] * 2, "activation": nn.SiLU}
        self.flow = zuko.flows.NSF(data.x.shape[1], data.y.shape[1], bins=16, **shape)
        adam, best, best_at = torch.optim.Adam(self.flow.parameters(), lr=self.lr), torch.inf, 0
        kept = self.flow.state_dict()
        begun, epoch = time.process_time(), 0
        while time.process_time() - begun < seconds and epoch - best_at < PATIENCE:
            for rows in torch.randperm(len(train)).split(self.batch):
                loss = self._loss(train[rows])
                adam.zero_grad()
                loss.backward()
                adam.step()
            with torch.no_grad():
                loss = self._loss(held)
            if loss < best:
                best, best_at, kept = loss, epoch, copy.deepcopy(self.flow.state_dict())
            epoch += 1
        self.flow.load_state_dict(kept)
        return time.process_time() - begun

    def _loss(self, pairs: Pairs) -> Tensor:
        return -self.flow(self.y(pairs.y)).log_prob(self.x(pairs.x)).mean()

    def some(self, y: Tensor, n: int) -> Tensor:
        return self.x.inverse(self.flow(self.y(y)).sample((n,)).double()).transpose(0, 1)


RIVALS: tuple[Rival, ...] = (SbiNPE(), SbiFMPE(), ZukoNSF())
