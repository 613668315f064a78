#!/usr/bin/env python3
"""Writes every script of workflows, actions and GitLab jobs into a file of its own, for shellcheck, and prints their names.

    scripts.py FOLDER FILE…
"""

import pathlib
import re
import sys

import yaml


def scripts(node):
    """Every `run:` (bash) and every line of `script:` and `before_script:` (sh)."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "run":
                yield "bash", value
            elif key in ("script", "before_script"):
                yield "sh", "\n".join(value)
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value)


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True)
for at, file in enumerate(sys.argv[2:]):
    for number, (shell, text) in enumerate(scripts(yaml.safe_load(pathlib.Path(file).read_text()))):
        if "${{" in text:
            sys.exit(f"{file}: a script has an expression in it: {re.search(r'.*[$]{{.*', text)[0]}")
        script = folder / f"{at}-{number}.sh"
        # Runners end at the first command that fails.
        script.write_text(f"#!/bin/{shell} -e\n{text}\n")
        print(script)
