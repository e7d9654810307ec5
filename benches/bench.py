"""The service beside its peers, in one run: the same answers first, then throughput, latency at a fixed rate, start,
memory and what it costs.

    make bench            or     make bench QUICK=1

The server under test has one core, the load the other. Targets take turns, round by round, and ratios are taken within
a round. A peer that cannot be installed, does not start or answers differently is named and left out.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import svg
from client import used
from load import EXAMPLES, ROOT, Load, Server, free_address, wrk
from targets import AbsentError, Question, Target, ask, before_aws, in_process

# Connections by scenario; the others take 64.
CONNECTIONS = {"1 row": (1, 64, 1024), "10,000 rows": (1,)}
SLOWEST = 30
# Digits to which the official package and ours agree: both sum in float32, in another order.
CLOSE = 1e-6


class Run:
    """Targets that run, what they were found to answer, and the loads they took."""

    def __init__(self, stack: ExitStack, targets: list[Target]):
        self.servers: dict[str, Server] = {}
        self.targets: dict[str, Target] = {}
        self.left_out: dict[str, str] = {}
        for target in targets:
            try:
                server = target.start(stack)
                question = next(iter(target.questions.values()))
                wait(server, question)
            except (AbsentError, OSError, SystemExit) as reason:
                self.left_out[target.name] = str(reason)
                continue
            self.servers[target.name], self.targets[target.name] = server, target

    def check(self) -> None:
        """Leaves out who answers differently from imba."""
        for name, target in list(self.targets.items()):
            for scenario, question in target.questions.items():
                ours = self.targets["imba"].questions.get(scenario)
                if not (question.scores and ours and ours.scores):
                    continue
                expected = ours.scores(ask(self.servers["imba"], ours))
                try:
                    found = question.scores(ask(self.servers[name], question))
                except (OSError, ValueError, KeyError) as error:
                    self.leave_out(name, f"{scenario}: {error}")
                    break
                pairs = list(zip(expected, found, strict=False))
                if len(expected) != len(found) or any(abs(a - b) > CLOSE for a, b in pairs):
                    self.leave_out(name, f"{scenario}: it answers {found[:2]}…, imba {expected[:2]}…")
                    break

    def leave_out(self, name: str, reason: str) -> None:
        if name == "imba":
            sys.exit(f"imba: {reason}")
        self.left_out[name] = reason
        del self.targets[name]

    @contextmanager
    def alone(self, name: str) -> Iterator[Server]:
        """The server of that name, while the others, whose work when idle is not its own, are stopped."""
        others = [server for other, server in self.servers.items() if other != name]
        for server in others:
            server.signal(signal.SIGSTOP)
        try:
            yield self.servers[name]
        finally:
            for server in others:
                server.signal(signal.SIGCONT)

    def scenarios(self) -> list[str]:
        return list(dict.fromkeys(scenario for target in self.targets.values() for scenario in target.questions))


def wait(server: Server, question: Question) -> None:
    """Until it answers; a peer may take a minute to start."""
    for _ in range(900):
        try:
            ask(server, question)
        except OSError:
            if server.process.poll() is not None:
                raise AbsentError(f"it ended with {server.process.returncode}: {server.said()[-300:]}") from None
            time.sleep(0.1)
        else:
            return
    raise AbsentError("it does not answer")


def script(question: Question) -> str:
    """wrk's script for the same question again and again."""
    headers = "".join(
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n" for name, value in question.headers.items()
    )
    if question.body is None:
        return headers
    return f'wrk.method = "POST"\nwrk.body = {json.dumps(question.body)}\n{headers}'


def throughput(run: Run, options: argparse.Namespace) -> dict[tuple[str, str], float]:
    """A table by scenario, ratios first; returns the requests per second at 64 connections."""
    print("\n## Throughput\n")
    print(
        "| scenario | connections | target | imba's of it | requests/s | p50 | p99 | server CPU |\n" + "|---" * 8 + "|"
    )
    rates = {}
    for scenario in run.scenarios():
        asked = {
            name: target.questions[scenario] for name, target in run.targets.items() if scenario in target.questions
        }
        for connections in CONNECTIONS.get(scenario, (64,)):
            rounds: list[dict[str, Load]] = []
            for _ in range(options.rounds):
                taken = {}
                for name, question in asked.items():
                    with run.alone(name) as server:
                        taken[name] = wrk(
                            server, question.path, script(question), connections, options.seconds, SLOWEST
                        )
                rounds.append(taken)
            for name in asked:
                ratios = [taken["imba"].rate / taken[name].rate for taken in rounds if taken[name].rate]
                # With so many connections it may answer none of them within wrk's patience.
                ratio = f"{median(ratios):.2f} ×" if ratios else "no answer"
                rate, cpu, p50, p99 = (
                    median(getattr(taken[name], of) for taken in rounds) for of in ("rate", "cpu", "p50", "p99")
                )
                if connections == CONNECTIONS.get(scenario, (64,))[-1] or connections == 64:
                    rates.setdefault((scenario, name), rate)
                print(
                    f"| {scenario} | {connections} | {name} | {ratio} | {rate:,.0f} | {p50:.2f} ms "
                    f"| {p99:.2f} ms | {cpu:,.1f} µs |",
                    flush=True,
                )
    return rates


def open_loop(run: Run, rates: dict[tuple[str, str], float], options: argparse.Namespace) -> None:
    """Latency at half and at four fifths of what each can do, from the time a request was due."""
    print("\n## Latency at a fixed rate\n")
    print("Each request counts from when it was due, sent late or not (wrk2's way). 64 connections, 1 row.\n")
    print("| target | load | requests/s | p50 | p99 | p99.9 | slowest | not 200 |\n" + "|---" * 8 + "|")
    for name, target in run.targets.items():
        if ("1 row", name) not in rates:
            continue
        question, server = target.questions["1 row"], run.servers[name]
        headers = {**question.headers, "host": "localhost", "content-length": str(len(question.body.encode()))}
        head = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        request = f"POST {question.path} HTTP/1.1\r\n{head}\r\n{question.body}".encode()
        for share in (0.5, 0.8):
            rate = round(rates["1 row", name] * share)
            command = [
                "taskset",
                "-c",
                "1",
                EXAMPLES / "open_load",
                server.address,
                str(rate),
                str(2 * options.seconds),
                "64",
            ]
            with run.alone(name):
                found = json.loads(subprocess.run(command, input=request, capture_output=True, check=True).stdout)
            tail = " | ".join(f"{found[key]:.2f} ms" for key in ("p50", "p99", "p999", "max"))
            print(f"| {name} | {share:.0%} | {found['rate']:,.0f} | {tail} | {found['bad']} |", flush=True)


def memory(run: Run) -> dict[str, float]:
    """Resident MiB after all of the load; of a peer with several processes, all of them."""
    found = {}
    for name in run.targets:
        found[name] = sum(used(process).memory for process in run.servers[name].family())
    print("\n## Memory after the load\n\n| target | MiB | of imba's |\n|---|---|---|")
    for name, mib in found.items():
        print(f"| {name} | {mib:.0f} | {mib / found['imba']:.1f} × |")
    return found


def cost(rates: dict[tuple[str, str], float], options: argparse.Namespace) -> None:
    """What a million requests of one row cost on a vCPU that is busy to 60 %, and what the old service's did."""
    print(f"\n## Cost\n\nA vCPU-hour at ${options.vcpu_hour}, busy to 60 %.\n")
    print("| target | requests per vCPU-hour | $ per million |\n|---|---|---|")
    for (scenario, name), rate in rates.items():
        if scenario in ("1 row", "pair → table, endpoint"):
            hourly = rate * 0.6 * 3600
            print(f"| {name}, {scenario} | {hourly:,.0f} | {options.vcpu_hour / hourly * 1e6:,.4f} |")
    functions = 2 * (options.lambda_request + options.lambda_gb_second * 0.128 * options.lambda_seconds * 1e6)
    endpoint = options.endpoint_hour / (options.endpoint_rate * 3600) * 1e6
    old = options.api_gateway + functions + endpoint
    print(
        f"| API Gateway, two Lambdas of 128 MB and {options.lambda_seconds * 1e3:.0f} ms, an endpoint that takes "
        f"{options.endpoint_rate:.0f}/s | | {old:,.2f} |"
    )


def said(*command: str) -> str:
    try:
        return (
            subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip().splitlines()[0]
        )
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def machine(run: Run, options: argparse.Namespace) -> None:
    model = next(
        (line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    print(f"{model}, {os.cpu_count()} cores, Linux {platform.release()}; load average {os.getloadavg()[0]:.1f}")
    print(f"imba {said('git', 'rev-parse', '--short', 'HEAD')}, {said('rustc', '--version')}")
    print(f"medians of {options.rounds} rounds of {options.seconds} s\n")
    for name, target in run.targets.items():
        if target.version:
            print(f"- {name}: {target.version}")
    for name, reason in run.left_out.items():
        print(f"- {name} is left out: {reason}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="of load per target and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round of a second, FastAPI as the only peer")
    parser.add_argument("--peers", default="", help="those to measure, by name; all of them without")
    parser.add_argument("--plots", type=Path, default=ROOT / "docs" / "images", help="where the plots go")
    prices = parser.add_argument_group("prices in dollars, us-east-1's of 2025")
    prices.add_argument("--vcpu-hour", type=float, default=0.04048, help="Fargate's, without memory")
    prices.add_argument("--api-gateway", type=float, default=3.50, help="per million requests")
    prices.add_argument("--lambda-request", type=float, default=0.20, help="per million requests")
    prices.add_argument("--lambda-gb-second", type=float, default=0.0000166667)
    prices.add_argument("--lambda-seconds", type=float, default=0.1)
    prices.add_argument("--endpoint-hour", type=float, default=0.115, help="ml.m5.large")
    prices.add_argument("--endpoint-rate", type=float, default=200, help="requests per second that keep it busy")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 1, 1
        options.peers = options.peers or "fastapi_xgboost,fastapi_boto3"
    return options


def wanted(targets: list[Target], options: argparse.Namespace) -> list[Target]:
    always = ("imba", "bare handler", "nginx, a constant")
    return [target for target in targets if not options.peers or target.name in (*always, *options.peers.split(","))]


def main() -> None:
    options = arguments()
    print("# Measurements of one run\n")
    with ExitStack() as stack:
        run = Run(stack, wanted(in_process(), options))
        run.check()
        machine(run, options)
        rates = throughput(run, options)
        open_loop(run, rates, options)
        resident = memory(run)
        options.plots.mkdir(parents=True, exist_ok=True)
        of_one = {name: rate for (scenario, name), rate in rates.items() if scenario == "1 row"}
        svg.bars(
            options.plots / "bench-rate.svg", "One row, model in process", "requests per second on one core", of_one
        )
        svg.bars(options.plots / "bench-memory.svg", "Memory after the load", "MiB, resident", resident)
    with ExitStack() as stack:
        stub = free_address()
        Server(stack, stub, [str(EXAMPLES / "aws_stub"), stub, "0s"], core="1")
        run = Run(stack, wanted(before_aws(f"http://{stub}"), options))
        run.check()
        print("\n# Before AWS (stubs)\n")
        for name, reason in run.left_out.items():
            print(f"- {name} is left out: {reason}")
        behind = throughput(run, options)
        rates.update({(scenario, f"{name}"): rate for (scenario, name), rate in behind.items()})
        pairs = {name: rate for (scenario, name), rate in behind.items() if scenario.startswith("pair")}
        svg.bars(
            options.plots / "bench-aws.svg", "A pair: table, then endpoint", "requests per second on one core", pairs
        )
    cost(rates, options)


if __name__ == "__main__":
    main()
