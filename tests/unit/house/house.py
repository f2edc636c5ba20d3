# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the house share: the files of the tree, and a way to say where the house is not in order."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def tracked_files(*suffixes):
    """Files that git knows (in a release archive: all that are there), as paths from the top."""
    command = ['git', '-C', ROOT, '-c', f'safe.directory={ROOT}', 'ls-files', '-z']
    git = shutil.which('git') and subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if git and git.returncode == 0:
        names = [Path(name) for name in git.stdout.decode().split('\0') if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob('*') if not path.relative_to(ROOT).parts[0].startswith('build')]
    return [name for name in names if (ROOT / name).is_file() and (not suffixes or name.suffix in suffixes)]


def lines_of(name):
    return (ROOT / name).read_text(errors='replace').splitlines()


def finish(complaints):
    """Prints the complaints and ends the test."""
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)
