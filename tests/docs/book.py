"""Follows the links within the book that `make docs` builds: `python3 tests/docs/book.py FOLDER`."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote


def broken(page: Path) -> list[str]:
    """The links of `page` to files that are not there, and to places that its own pages do not have."""
    found = []
    for link in set(re.findall(r'(?:href|src)="([^"]+)"', page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = unquote(link).partition("#")
        target = page.parent / path if path else page
        is_there = target.is_file()
        if is_there and fragment and target.suffix == ".html":
            is_there = f'id="{fragment}"' in target.read_text()
        if not is_there:
            found.append(f"{page.name}: {link} leads nowhere")
    return found


def main() -> None:
    # 404.html is for the root of a server, print.html for paper.
    pages = [page for page in sorted(Path(sys.argv[1]).glob("*.html")) if page.stem not in ("404", "print")]
    if not pages:
        sys.exit(f"{sys.argv[1]}: no pages")
    if wrong := [line for page in pages for line in broken(page)]:
        sys.exit("\n".join(wrong))
    print(f"ok  the links of {len(pages)} pages")


if __name__ == "__main__":
    main()
