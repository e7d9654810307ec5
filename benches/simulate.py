"""Batching and breakers against one slow endpoint, event by event: what many instances do that no one machine can try.

    python3 benches/simulate.py [--quick]

The rules are those of src/upstream (batcher, breaker, budget, gate), the numbers those of config/default.toml. Requests
come at random (Poisson) and are of one row. The endpoint has workers that each take one call at a time; what they
cannot take waits in its queue. Seeded: the same figures every time. docs/SCALING.md has them, and what they are checked
against.
"""

import argparse
import heapq
import random
from collections import deque
from dataclasses import dataclass, field

IN_FLIGHT, WAITING, BATCH_ROWS = 64, 1024, 512
ATTEMPT_TIMEOUT, DEADLINE = 2.5, 10.0
BREAKER_RATE, BREAKER_CALLS, BREAKER_PAUSE, WINDOW, RECENT, HANGS = 0.6, 10, 2.0, 10.0, 100, 3
SHORTEST, LONGEST = 0.001, 0.020
PURSE, AFTER_TIMEOUT, SUCCESS = 100, 50, 1
# Weight of the latest call in the time that calls usually take.
LATEST = 0.125


@dataclass
class Endpoint:
    """`workers` that take `per_call` and `per_row` seconds; between `slow` times they take `factor` as long."""

    workers: int
    per_call: float
    per_row: float
    slow: tuple[float, float] = (0.0, 0.0)
    factor: float = 1.0
    busy: int = 0
    queue: deque = field(default_factory=deque)
    calls: int = 0

    def time(self, now: float, rows: int, chance: random.Random) -> float:
        factor = self.factor if self.slow[0] <= now < self.slow[1] else 1.0
        return (self.per_call + self.per_row * rows) * factor * chance.lognormvariate(0.0, 0.1)


@dataclass
class Instance:
    """One process: its queue, its calls, its breaker, its purse."""

    waiting: deque = field(default_factory=deque)
    in_flight: int = 0
    started: float = -1.0
    usual: float = 0.0
    is_timed: bool = False
    open_until: float = 0.0
    trial: bool = False
    recent: deque = field(default_factory=deque)
    hangs: int = 0
    purse: int = PURSE

    def interval(self, now: float, limit: int) -> float:
        return max(0.0, min(LONGEST, max(SHORTEST, self.usual / limit)) - (now - self.started))


@dataclass
class Call:
    """Requests that share a call, each by the time it came at."""

    instance: Instance
    arrivals: list[float]
    started: float
    attempt: int = 1
    over: bool = False


class Simulation:
    """Requests at `rate` per second to `count` instances; or, with `clients`, closed loops without a pause."""

    def __init__(self, count: int, endpoint: Endpoint, in_flight: int = IN_FLIGHT, batching: bool = True):
        self.instances = [Instance() for _ in range(count)]
        self.endpoint, self.limit, self.rows = endpoint, in_flight, BATCH_ROWS if batching else 1
        self.events: list = []
        self.chance = random.Random(7)  # noqa: S311
        self.order = 0
        self.now = 0.0
        self.latencies: list[tuple[float, float]] = []
        self.refused: list[tuple[float, float, str]] = []
        self.closed = False

    def at(self, time: float, what, *arguments) -> None:
        self.order += 1
        heapq.heappush(self.events, (time, self.order, what, arguments))

    def run(self, seconds: float, rate: float = 0.0, clients: int = 0) -> None:
        self.closed = clients > 0
        for at, instance in enumerate(self.instances):
            if rate:
                self.at(self.chance.expovariate(rate / len(self.instances)), self.comes, instance, rate)
            for _ in range(clients if at == 0 else 0):
                self.at(self.chance.random() / 1000, self.ask, instance)
        while self.events and self.events[0][0] < seconds:
            self.now, _, what, arguments = heapq.heappop(self.events)
            what(*arguments)

    def comes(self, instance: Instance, rate: float) -> None:
        self.ask(instance)
        self.at(self.now + self.chance.expovariate(rate / len(self.instances)), self.comes, instance, rate)

    def ask(self, instance: Instance) -> None:
        if instance.open_until > self.now or instance.trial:
            self.refuse([self.now], "open")
        elif instance.in_flight == 0 and not instance.waiting:
            self.start(instance, [self.now])
        elif len(instance.waiting) >= WAITING:
            self.refuse([self.now], "overloaded")
        else:
            instance.waiting.append(self.now)
            room = instance.in_flight < self.limit
            if room and (len(instance.waiting) >= self.rows or instance.interval(self.now, self.limit) == 0):
                self.start(instance, self.take(instance))
            elif not instance.is_timed and self.limit > 1:
                instance.is_timed = True
                self.at(self.now + max(SHORTEST, instance.interval(self.now, self.limit)), self.due, instance)

    def take(self, instance: Instance) -> list[float]:
        return [instance.waiting.popleft() for _ in range(min(self.rows, len(instance.waiting)))]

    def due(self, instance: Instance) -> None:
        if not instance.waiting:
            instance.is_timed = False
            return
        if instance.in_flight < self.limit and instance.interval(self.now, self.limit) == 0:
            self.start(instance, self.take(instance))
        self.at(self.now + max(SHORTEST, instance.interval(self.now, self.limit)), self.due, instance)

    def start(self, instance: Instance, arrivals: list[float]) -> None:
        instance.in_flight += 1
        instance.started = self.now
        self.attempt(Call(instance, arrivals, self.now))

    def attempt(self, call: Call) -> None:
        instance = call.instance
        if instance.open_until > self.now or instance.trial:
            self.finish(call, "open")
            return
        instance.trial = instance.open_until > 0
        self.endpoint.calls += 1
        call.over = False
        self.at(self.now + ATTEMPT_TIMEOUT, self.times_out, call, call.attempt)
        if self.endpoint.busy < self.endpoint.workers:
            self.work(call, call.attempt)
        else:
            self.endpoint.queue.append((call, call.attempt))

    def work(self, call: Call, attempt: int) -> None:
        self.endpoint.busy += 1
        took = self.endpoint.time(self.now, len(call.arrivals), self.chance)
        self.at(self.now + took, self.answers, call, attempt)

    def answers(self, call: Call, attempt: int) -> None:
        self.endpoint.busy -= 1
        while self.endpoint.queue and self.endpoint.busy < self.endpoint.workers:
            following, of = self.endpoint.queue.popleft()
            # A caller that gave up has closed its connection.
            if not following.over and following.attempt == of:
                self.work(following, of)
        if not call.over and call.attempt == attempt:
            self.outcome(call.instance, failed=False)
            call.instance.purse = min(PURSE, call.instance.purse + SUCCESS)
            self.finish(call, None)

    def times_out(self, call: Call, attempt: int) -> None:
        if call.over or call.attempt != attempt:
            return
        self.outcome(call.instance, failed=True)
        if call.attempt == 1 and call.instance.purse >= AFTER_TIMEOUT:
            call.instance.purse -= AFTER_TIMEOUT
            call.attempt += 1
            self.attempt(call)
        else:
            self.finish(call, "timed out")

    def outcome(self, instance: Instance, failed: bool) -> None:
        was_trial, instance.trial = instance.trial, False
        if not failed:
            instance.hangs = 0
            if was_trial:
                instance.open_until = 0.0
        while instance.recent and (len(instance.recent) >= RECENT or self.now - instance.recent[0][0] > WINDOW):
            instance.recent.popleft()
        instance.recent.append((self.now, failed))
        instance.hangs += failed
        bad = sum(failed for _, failed in instance.recent)
        is_failing = len(instance.recent) >= BREAKER_CALLS and bad >= BREAKER_RATE * len(instance.recent)
        if failed and (was_trial or is_failing or instance.hangs >= HANGS):
            instance.open_until = self.now + BREAKER_PAUSE
            instance.recent.clear()
            instance.hangs = 0

    def finish(self, call: Call, why: str | None) -> None:
        call.over = True
        instance = call.instance
        instance.in_flight -= 1
        if why:
            self.refuse(call.arrivals, why)
        else:
            took = self.now - call.started
            instance.usual = took if instance.usual == 0 else instance.usual * (1 - LATEST) + took * LATEST
            self.latencies += [(arrival, self.now - arrival) for arrival in call.arrivals]
            if self.closed:
                for _ in call.arrivals:
                    self.at(self.now, self.ask, instance)
        if instance.waiting:
            self.start(instance, self.take(instance))

    def refuse(self, arrivals: list[float], why: str) -> None:
        self.refused += [(arrival, self.now - arrival, why) for arrival in arrivals]


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def between(pairs: list, first: float, last: float) -> list[float]:
    return [entry[1] for entry in pairs if first <= entry[0] < last]


def small_case() -> None:
    """64 clients without a pause before an endpoint, 8 calls in flight: as `benches/sagemaker.py` measures it."""
    print("| 64 clients, 8 calls in flight, a call takes | requests/s | p50 |\n|---|---|---|")
    for per_call in (0.0060, 0.0065, 0.0070):
        simulation = Simulation(1, Endpoint(1000, per_call, 0.0), in_flight=8)
        simulation.run(10, clients=64)
        latencies = between(simulation.latencies, 1, 10)
        print(f"| {per_call * 1e3:.1f} ms | {len(latencies) / 9:,.0f} | {percentile(latencies, 0.5) * 1e3:.2f} ms |")


def steady(rate: float, seconds: float) -> None:
    """Many instances before one endpoint, with batching and without."""
    print(f"\n{rate:,.0f} requests/s, endpoint of 5 ms per call and 6 µs per row\n")
    print(
        "| instances | workers | in_flight | batching | answered | p50 | p99 | calls/s | rows per call |\n"
        + "|---" * 9
        + "|"
    )
    for count, limit, batching in (
        (4, 64, True),
        (8, 64, True),
        (32, 64, True),
        (4, 16, True),
        (8, 8, True),
        (32, 2, True),
        (8, 64, False),
    ):
        endpoint = Endpoint(64, 0.005, 6e-6)
        simulation = Simulation(count, endpoint, in_flight=limit, batching=batching)
        simulation.run(seconds, rate=rate)
        good = between(simulation.latencies, seconds / 4, seconds - 0.5)
        bad = between(simulation.refused, seconds / 4, seconds - 0.5)
        share = len(good) / max(1, len(good) + len(bad))
        p50, p99 = (percentile(good, at) * 1e3 for at in (0.5, 0.99))
        rows = len(simulation.latencies) / max(1, endpoint.calls)
        print(
            f"| {count} | {endpoint.workers} | {limit} | {'yes' if batching else 'no'} | {share:.1%} "
            f"| {p50:.1f} ms | {p99:.1f} ms | {endpoint.calls / seconds:,.0f} | {rows:.1f} |",
            flush=True,
        )


def outage(rate: float, seconds: float) -> None:
    """The endpoint gets so slow that every attempt times out, for a while."""
    first, last = seconds * 0.25, seconds * 0.65
    endpoint = Endpoint(64, 0.005, 6e-6, (first, last), 1000.0)
    simulation = Simulation(8, endpoint)
    simulation.run(seconds, rate=rate)
    print(
        f"\n{rate:,.0f} requests/s, 8 instances; every call takes 1,000 × as long from {first:.0f} s to {last:.0f} s\n"
    )
    print("| s | answered | p99 | refused | of them within 10 ms | longest wait |\n|---|---|---|---|---|---|")
    step = seconds / 12
    for at in range(12):
        good = between(simulation.latencies, at * step, (at + 1) * step)
        bad = between(simulation.refused, at * step, (at + 1) * step)
        at_once = sum(wait <= 0.01 for wait in bad) / len(bad) if bad else 1.0
        p99 = f"{percentile(good, 0.99) * 1e3:.0f} ms" if good else ""
        longest = max([*good, *bad], default=0.0)
        print(
            f"| {at * step:.0f} to {(at + 1) * step:.0f} | {len(good):,} | {p99} | {len(bad):,} "
            f"| {at_once:.1%} | {longest:.2f} s |"
        )
    asked = len(between(simulation.latencies, first, last)) + len(between(simulation.refused, first, last))
    print(f"\n{endpoint.calls:,} calls in all; {asked:,} requests came during the outage.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    options = parser.parse_args()
    rate = 10_000.0 if options.quick else 100_000.0
    small_case()
    steady(rate, 4)
    outage(rate / 5, 24)


if __name__ == "__main__":
    main()
