"""Counts the instructions of one request through the running service, and fails where one takes over 5 % more than
count_requests.json says.

    cargo build --release --bins && python3 benches/count_requests.py [--update]
    cargo build --bins && IMBA_BUILD=target/debug python3 benches/count_requests.py [--update]

The second is what every change has to pass: it counts the program of the tests, which is there already, and is hardly
optimised; what grows there has more to do. Needs valgrind and a processor with AVX2. Counts move with the compiler and
its version; --update writes them anew.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

from callgrind import ROUTES, Service, demo
from load import RELEASE, ROOT

sys.path.append(str(ROOT / "crates" / "gbtree" / "benches"))
from count import compare, require_avx2

COUNTED = ("/predict", "/predict/pair", "/recommend")


def main() -> None:
    require_avx2()
    with ExitStack() as stack:
        service = Service(stack, [str(RELEASE / "imba")], demo(), [])
        service.ready(ROUTES["/livez"])
        counts = {route: round(service.count(ROUTES[route]).events["Ir"]) for route in COUNTED}
    compare(counts, str(Path(__file__).with_name("count_requests.json")), build=RELEASE.name)


if __name__ == "__main__":
    main()
