#!/usr/bin/env python3
"""clang-tidy over the sources of src/, those of tests left out: ./dev lint

    tidy.py BUILD FILE...    BUILD holds compile_commands.json; several files of one room and with the same flags
                             are read as one, so that the standard library's headers are read and searched once for
                             all. Where that does not compile (names of two files may be the same), or anything is
                             found, each is read alone: what is said of them does not depend on their company.
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

AT_ONCE = 8  # files that are read as one


def flags_of(entry):
    """The compiler's options, without the file and where its output goes."""
    words = shlex.split(entry["command"])[1:]
    if words[0].startswith("/") and "clang" in words[0]:  # behind ccache
        words = words[1:]
    kept, skip = [], False
    for word in words:
        if skip or word in ("-c", entry["file"]):
            skip = False
        elif word in ("-o", "-MT", "-MF"):
            skip = True
        elif word != "-MD":
            kept.append(word)
    return tuple(kept)


def tidy(source, flags):
    done = subprocess.run(["clang-tidy-16", "--quiet", "--warnings-as-errors=*", r"--header-filter=src/.*\.(h|cc)$", source, "--", *flags], capture_output=True, text=True)
    return done.returncode, done.stdout


def look_at(files, flags, build):
    """What is wrong with them, as text."""
    if len(files) > 1:
        with tempfile.NamedTemporaryFile("w", suffix=".cc", prefix="tidy_", dir=build) as together:
            together.write("".join(f'#include "{file}"  // NOLINT(bugprone-suspicious-include)\n' for file in files))
            together.flush()
            if tidy(together.name, flags)[0] == 0:
                return ""
    results = [tidy(file, flags) for file in files]
    return "".join(f"{file}:\n{said}" for file, (code, said) in zip(files, results) if code != 0)


def main():
    build, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
    root = pathlib.Path.cwd()
    entries = {entry["file"]: entry for entry in json.loads((build / "compile_commands.json").read_text())}
    alike = {}
    for name in names:
        file = str(root / name)
        alike.setdefault((pathlib.Path(name).parent, flags_of(entries[file])), []).append(file)
    batches = [(files[start:start + AT_ONCE], flags) for (_, flags), files in alike.items() for start in range(0, len(files), AT_ONCE)]
    batches.sort(key=lambda batch: -len(batch[0]))
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        said = [text for text in pool.map(lambda batch: look_at(*batch, build), batches) if text]
    print("".join(said), end="")
    print(f"clang-tidy: {len(names)} files, {'clean' if not said else 'see above'}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
