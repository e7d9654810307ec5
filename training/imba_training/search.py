"""The search for parameters: optuna's, in a journal that survives whatever stops it.

Every trial draws from a seed of its own, made of the search's seed and the number of trials that ended before it, so
that a search that was killed and taken up again tries the same as one that was not. (In parallel, which trial ends
first is chance.)
"""

import json
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import optuna
import xgboost
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from . import model
from .dataset import Dataset
from .failures import Failure
from .output import locked, say

JOURNAL = "search.journal"
SPEAK_EVERY = 10.0  # seconds
PRUNE_EVERY = 10  # rounds between two looks at whether a trial is worth its time
PRUNE_FROM = 50  # rounds that every trial gets

# The ranges of the notebook that this package replaces.
RANGES = {
    "max_depth": optuna.distributions.IntDistribution(3, 12),
    "eta": optuna.distributions.FloatDistribution(0.05, 0.5),
    "min_child_weight": optuna.distributions.FloatDistribution(2.0, 8.0),
    "subsample": optuna.distributions.FloatDistribution(0.5, 0.9),
    "gamma": optuna.distributions.FloatDistribution(0.0, 10.0),
}
# Tried before the search draws its own.
FIRST_GUESS = {"max_depth": 5, "eta": 0.1, "min_child_weight": 5.0, "subsample": 0.8, "gamma": 0.0}


@dataclass(frozen=True)
class Search:
    trials: int = 30  # in all, those of earlier runs included
    rounds: int = 1_000
    patience: int = 30
    seed: int = 1
    threads: int = 1  # of the whole search
    jobs: int = 1  # trials at once
    budget: float | None = None  # seconds for this run
    warm: tuple[dict[str, float], ...] = field(default=())  # tried first
    restart: bool = False  # forget an earlier search in the same place


@dataclass(frozen=True)
class Found:
    parameters: dict[str, float]
    auc: float  # on the validation split
    trees: int
    trials: list[dict[str, object]]
    ended: str  # why: "complete", "interrupted" or "out of time"


class _Stopped(Exception):  # noqa: N818 (it is a wish, not an error)
    pass


def search(splits: dict[str, Dataset], options: Search, out: Path, fingerprint: str) -> Found:
    """The parameters with the best validation AUC. The journal in `out` is taken up again, or begun.

    Ctrl-C and an exhausted budget end the search with the best so far; before the first trial has ended there is none.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    out.mkdir(parents=True, exist_ok=True)
    journal = out / JOURNAL
    with locked(journal.with_suffix(".lock"), f"another search is at work in {out}"):
        if options.restart:
            journal.unlink(missing_ok=True)
        _mend(journal)
        study = _open(journal, options, fingerprint)
        ended = _Run(study, splits, options).run()
        return _result(study, ended)


def _mend(journal: Path) -> None:
    """Removes what a killed process leaves: optuna's lock, and a last line that is not finished."""
    Path(f"{journal}.lock").unlink(missing_ok=True)
    if journal.is_file():
        content = journal.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with journal.open("r+b") as file:
                file.truncate(whole)


def _open(journal: Path, options: Search, fingerprint: str) -> optuna.Study:
    identity = {
        "data": fingerprint,
        "rounds": options.rounds,
        "patience": options.patience,
        "seed": options.seed,
        "xgboost": xgboost.__version__,
        "warm": [dict(sorted(p.items())) for p in options.warm],
    }
    with _quiet():
        storage = JournalStorage(JournalFileBackend(str(journal)))
        pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=PRUNE_FROM)
        study = optuna.create_study(
            study_name="imba", storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
        )
    known = study.user_attrs.get("identity")
    if known and known != identity:
        different = ", ".join(sorted(name for name in identity if known.get(name) != identity[name]))
        raise Failure(f"{journal}: is of a search with other {different}; --restart forgets it, another --out keeps it")
    study.set_user_attr("identity", identity)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)  # what a killed process was at
    return study


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna calls its journal experimental, to the user and once per use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


class _Run:
    def __init__(self, study: optuna.Study, splits: dict[str, Dataset], options: Search) -> None:
        self.study, self.options = study, options
        self.threads = max(1, options.threads // options.jobs)
        self.matrices = [splits[name].matrix(options.threads) for name in ("train", "validation")]
        self.queue = [*options.warm, FIRST_GUESS]
        self.stop = threading.Event()
        self.deadline = time.monotonic() + options.budget if options.budget else None

    def run(self) -> str:
        earlier, asked = len(_ended(self.study)), 0
        if earlier:
            say(f"train: taking up a search of {earlier} trials")
        running: dict[Future, optuna.Trial] = {}
        ended = "complete"
        with ThreadPoolExecutor(self.options.jobs) as pool:
            try:
                while True:
                    done_or_running = len(_ended(self.study)) + len(running)
                    while (
                        len(running) < self.options.jobs and done_or_running < self.options.trials and not self._late()
                    ):
                        trial = self._ask(done_or_running)
                        running[pool.submit(self._fit, trial)] = trial
                        done_or_running, asked = done_or_running + 1, asked + 1
                    if not running:
                        break
                    finished, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in finished:
                        self._tell(running.pop(future), future)
                    if self._late() and self._has_result():
                        self.stop.set()
            except KeyboardInterrupt:
                ended = "interrupted"
                say("train: interrupted; the search ends with the best so far (Ctrl-C again: at once)")
            finally:
                self.stop.set()
                for future, trial in running.items():
                    self._tell(trial, future)
        if not self._has_result():
            raise KeyboardInterrupt
        return "out of time" if ended == "complete" and self._late() and self._missing() else ended

    def _missing(self) -> int:
        return self.options.trials - len(_ended(self.study))

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline and self._has_result()

    def _has_result(self) -> bool:
        return bool(self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))

    def _ask(self, number: int) -> optuna.Trial:
        seed = int(np.random.SeedSequence([self.options.seed, number]).generate_state(1)[0])
        self.study.sampler = optuna.samplers.TPESampler(seed=seed)
        if number < len(self.queue):
            self.study.enqueue_trial(self.queue[number])
        trial = self.study.ask(RANGES)
        trial.set_user_attr("place", number)
        return trial

    def _fit(self, trial: optuna.Trial) -> tuple[float, int]:
        name = f"train: trial {trial.user_attrs['place'] + 1} of {self.options.trials}"
        started = time.monotonic()
        booster = model.fit(
            trial.params,
            *self.matrices,
            rounds=self.options.rounds,
            patience=self.options.patience,
            seed=self.options.seed,
            threads=self.threads,
            callbacks=[_Watch(name, trial, self.stop)],
        )
        auc, trees = float(booster.attr("best_score")), booster.num_boosted_rounds()
        say(f"{name}: validation AUC {auc:.5f} with {trees} trees in {time.monotonic() - started:.1f} s")
        return auc, trees

    def _tell(self, trial: optuna.Trial, future: Future) -> None:
        try:
            auc, trees = future.result()
        except optuna.TrialPruned:
            say(f"train: trial {trial.user_attrs['place'] + 1}: given up, worse than most at the same round")
            self.study.tell(trial, state=TrialState.PRUNED)
        except _Stopped:
            self.study.tell(trial, state=TrialState.FAIL)
        except xgboost.core.XGBoostError as error:
            self.study.tell(trial, state=TrialState.FAIL)
            raise Failure(f"XGBoost stopped: {str(error).splitlines()[0]}") from error
        else:
            trial.set_user_attr("trees", trees)
            self.study.tell(trial, auc)


class _Watch(xgboost.callback.TrainingCallback):
    """After each round: stops if that is wished, gives a hopeless trial up, and now and then says where it is."""

    def __init__(self, name: str, trial: optuna.Trial, stop: threading.Event) -> None:
        super().__init__()
        self.name, self.trial, self.stop, self.said = name, trial, stop, time.monotonic()

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: dict) -> bool:
        if self.stop.is_set():
            raise _Stopped
        auc = evals_log["validation"]["auc"][-1]
        if epoch % PRUNE_EVERY == PRUNE_EVERY - 1:
            self.trial.report(auc, epoch + 1)
            if self.trial.should_prune():
                raise optuna.TrialPruned
        if time.monotonic() - self.said > SPEAK_EVERY:
            self.said = time.monotonic()
            say(f"{self.name}: round {epoch + 1}, validation AUC {auc:.5f}")
        return False


def _result(study: optuna.Study, ended: str) -> Found:
    best = study.best_trial
    trials = [
        {
            "auc": trial.value,
            "trees": trial.user_attrs.get("trees"),
            "parameters": trial.params,
            "pruned": trial.state == TrialState.PRUNED,
        }
        for trial in _ended(study)
    ]
    return Found(best.params, best.value, best.user_attrs["trees"], trials, ended)


def warm_start(file: Path, most: int = 5) -> tuple[dict[str, float], ...]:
    """The best parameters of an earlier `training.json`, best first, those outside of today's ranges left out."""
    try:
        trials = json.loads(file.read_text(encoding="utf-8"))["trials"]
        complete = sorted((t for t in trials if t["auc"] is not None), key=lambda t: -t["auc"])
        known = [{name: t["parameters"][name] for name in RANGES} for t in complete]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{file}: not a training.json with trials: {error!r}") from error
    fitting = [p for p in known if all(RANGES[name]._contains(value) for name, value in p.items())]
    if not fitting:
        raise Failure(f"{file}: no trial in it is within the ranges of the search")
    return tuple(fitting[:most])
