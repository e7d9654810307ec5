"""A search survives: what kills it, stops it, or comes back to it finds the same study."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import SEARCH, Trained
from imba_training import dataset, search
from imba_training.failures import Failure
from imba_training.output import finished_files
from imba_training.search import FIRST_GUESS, Search, warm_start


@pytest.fixture(scope="module")
def splits(made: Path) -> dict[str, dataset.Dataset]:
    """A tenth of the customers: these tests are about searching, not about finding."""
    whole = dataset.load(made / "features.parquet")
    return {name: data.of(data.users % 10 == 0) for name, data in whole.items()}


QUICK = replace(SEARCH, trials=6, rounds=40, threads=1)


def trials(found: search.Found) -> list:
    return [(trial["parameters"], trial["auc"], trial["trees"]) for trial in found.trials]


@pytest.fixture(scope="module")
def uninterrupted(splits: dict, tmp_path_factory: pytest.TempPathFactory) -> search.Found:
    return search.search(splits, QUICK, tmp_path_factory.mktemp("search"), "data")


def test_the_same_search_again_is_the_same_and_quick(uninterrupted: search.Found, splits: dict, tmp_path: Path) -> None:
    first = search.search(splits, QUICK, tmp_path, "data")
    assert trials(first) == trials(uninterrupted)
    journal = (tmp_path / search.JOURNAL).read_bytes()
    again = search.search(splits, QUICK, tmp_path, "data")
    assert again == first
    assert (tmp_path / search.JOURNAL).stat().st_size <= len(journal) + 1_000, "it tried something again"


def test_more_trials_go_on_from_fewer(uninterrupted: search.Found, splits: dict, tmp_path: Path) -> None:
    few = search.search(splits, replace(QUICK, trials=2), tmp_path, "data")
    assert trials(few) == trials(uninterrupted)[:2]
    assert trials(search.search(splits, QUICK, tmp_path, "data")) == trials(uninterrupted)


def test_after_kill_9_the_study_is_the_same(uninterrupted: search.Found, made: Path, tmp_path: Path) -> None:
    """Killed twice, in the middle of a trial; the third run ends it."""
    script = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from imba_training import dataset, search, model
from test_search import QUICK
splits = {{n: d.of(d.users % 10 == 0) for n, d in dataset.load(Path({str(made)!r}) / "features.parquet").items()}}
inner = search._Watch.after_iteration
def slow(self, model, epoch, log):
    if epoch == 3 and self.trial.user_attrs["place"] == int(sys.argv[1]):
        print("here", flush=True)
        time.sleep(60)
    return inner(self, model, epoch, log)
search._Watch.after_iteration = slow
search.search(splits, QUICK, Path({str(tmp_path)!r}), "data")
"""
    for place in (1, 3):
        command = [sys.executable, "-c", script, str(place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert "here\n" in process.stdout  # reads up to it; DuckDB may have said something about its progress
            process.kill()
    with (tmp_path / search.JOURNAL).open("ab") as journal:
        journal.write(b'{"op_code":5,"work')  # as if killed while writing
    Path(f"{tmp_path / search.JOURNAL}.lock").symlink_to("nowhere")  # as if killed while optuna held its lock
    splits = {n: d.of(d.users % 10 == 0) for n, d in dataset.load(made / "features.parquet").items()}
    found = search.search(splits, QUICK, tmp_path, "data")
    assert trials(found) == trials(uninterrupted)
    assert found == uninterrupted


def test_ctrl_c_ends_it_with_the_best_so_far(
    uninterrupted: search.Found, splits: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = search._Watch.after_iteration

    def interrupting(self, model, epoch: int, log: dict) -> bool:
        if self.trial.user_attrs["place"] == 2 and epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)
            self.stop.wait(20)
        return inner(self, model, epoch, log)

    with monkeypatch.context() as patch:
        patch.setattr(search._Watch, "after_iteration", interrupting)
        found = search.search(splits, QUICK, tmp_path, "data")
    assert found.ended == "interrupted"
    assert trials(found) == trials(uninterrupted)[:2]
    assert found.auc == max(auc for _, auc, _ in trials(found))
    assert trials(search.search(splits, QUICK, tmp_path, "data")) == trials(uninterrupted)


def test_ctrl_c_before_the_first_trial_has_nothing_to_keep(
    splits: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupting(self, model, epoch: int, log: dict) -> bool:
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)
            assert self.stop.wait(60)
            raise search._Stopped
        return False

    monkeypatch.setattr(search._Watch, "after_iteration", interrupting)
    with pytest.raises(KeyboardInterrupt):
        search.search(splits, QUICK, tmp_path, "data")


def test_a_budget_ends_it_after_the_first_trial_at_the_earliest(splits: dict, tmp_path: Path) -> None:
    found = search.search(splits, replace(QUICK, budget=1e-6), tmp_path, "data")
    assert found.ended == "out of time"
    assert len(found.trials) == 1


def test_a_search_of_other_data_is_not_taken_up(splits: dict, tmp_path: Path) -> None:
    one = replace(QUICK, trials=1)
    search.search(splits, one, tmp_path, "data")
    with pytest.raises(Failure, match=r"search\.journal: is of a search with other data, seed; --restart forgets it"):
        search.search(splits, replace(one, seed=8), tmp_path, "other data")
    assert len(search.search(splits, replace(one, restart=True), tmp_path, "other data").trials) == 1


def test_two_at_once_in_one_place_are_refused(splits: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, go = threading.Event(), threading.Event()
    inner = search._Watch.after_iteration

    def slow(self, model, epoch: int, log: dict) -> bool:
        started.set()
        go.wait(30)
        return inner(self, model, epoch, log)

    monkeypatch.setattr(search._Watch, "after_iteration", slow)
    one = replace(QUICK, trials=1)
    first = threading.Thread(target=search.search, args=(splits, one, tmp_path, "data"))
    first.start()
    assert started.wait(30)
    with pytest.raises(Failure, match="another search is at work"):
        search.search(splits, one, tmp_path, "data")
    go.set()
    first.join()


def test_trials_at_the_same_time(splits: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are at work together: each waits for the other before it goes on."""
    both = threading.Barrier(2)
    inner = search._Watch.after_iteration

    def meeting(self, model, epoch: int, log: dict) -> bool:
        if epoch == 0:
            both.wait(30)
        return inner(self, model, epoch, log)

    monkeypatch.setattr(search._Watch, "after_iteration", meeting)
    found = search.search(splits, replace(QUICK, trials=4, jobs=2, threads=2), tmp_path, "data")
    assert len(found.trials) == 4
    assert len({json.dumps(trial["parameters"]) for trial in found.trials}) == 4


def test_hopeless_trials_are_given_up(splits: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five good trials one whose steps lead nowhere is worse than their median, and stops at once."""
    monkeypatch.setattr(search, "PRUNE_FROM", 10)
    bad = FIRST_GUESS | {"max_depth": 3, "eta": 0.05, "gamma": 10.0}
    good = tuple(FIRST_GUESS | {"min_child_weight": 3.0 + n / 10} for n in range(5))
    options = Search(trials=6, rounds=40, patience=40, seed=1, warm=(*good, bad))
    found = search.search(splits, options, tmp_path, "data")
    assert [trial["pruned"] for trial in found.trials] == [False] * 5 + [True]
    assert found.parameters != bad


def test_a_warm_start_tries_the_earlier_best_first(trained: Trained, splits: dict, tmp_path: Path) -> None:
    warm = warm_start(trained.model / "training.json")
    best = max(trained.training["trials"], key=lambda trial: trial["auc"])
    assert warm[0] == best["parameters"]
    found = search.search(splits, replace(QUICK, trials=2, warm=warm), tmp_path, "data")
    assert [trial["parameters"] for trial in found.trials] == list(warm[:2])


@pytest.mark.parametrize(
    "content", ["{}", "no JSON", '{"trials": [{"auc": 0.8, "parameters": {"max_depth": 5}}]}', '{"trials": []}']
)
def test_no_warm_start_is_said(content: str, tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text(content)
    with pytest.raises(Failure, match=r"training\.json: "):
        warm_start(tmp_path / "training.json")


def test_what_dead_processes_left_is_swept_and_the_living_s_is_not(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from imba_training.output import finished_files
with finished_files(Path({str(tmp_path)!r})) as scratch:
    (scratch / "result" / "half").write_text("half")
    print(scratch.name, flush=True)
    time.sleep(60)
"""
    processes = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    dead, living = (process.stdout.readline().strip() for process in processes)
    try:
        processes[0].kill()
        processes[0].wait()
        with finished_files(tmp_path) as scratch:
            assert {entry.name for entry in tmp_path.iterdir()} == {living, scratch.name}
        assert dead != living
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    with finished_files(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("age", "is_swept"), [(0, False), (7200, True)])
def test_a_folder_without_a_lock_is_swept_when_it_is_old(age: int, is_swept: bool, tmp_path: Path) -> None:
    old = tmp_path / ".unfinished-old"
    old.mkdir()
    os.utime(old, (time.time() - age,) * 2)
    with finished_files(tmp_path):
        assert old.exists() != is_swept
