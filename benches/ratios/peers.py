"""Other tools on the same commit, those that are installed: git, DVC, Oxen, restic, rustic, borg.

DVC and Oxen are looked for in $PEERS_DIR/venv/bin (default /opt/hlx-peers), rustic in $PEERS_DIR/cargo/bin, and all in PATH.
"""
import os
import shutil
import subprocess
from pathlib import Path

from bench import Failed, remove, say

OXEN = """
import os, sys
from oxen import Repo, user
repo, word = Repo(os.getcwd()), sys.argv[1]
if word == "init":
    user.config_user("bench", "bench@example.com")
    repo.init()
elif word == "add":
    repo.add(os.path.abspath("data"))
else:
    repo.commit("v1")
"""


class Peer:
    """How one tool makes its store and commits the folder `data` beside it."""

    def __init__(self, name, init, commit, env=None):
        self.name, self.init, self.commit, self.env = name, init, commit, env or {}


def installed():
    """The tools that are here."""
    top = Path(os.environ.get("PEERS_DIR", "/opt/hlx-peers"))
    where = os.pathsep.join([str(top / "venv/bin"), str(top / "cargo/bin"), os.environ["PATH"]])
    which = {name: shutil.which(name, path=where) for name in ("git", "dvc", "restic", "rustic", "borg")}
    python = top / "venv/bin/python"
    if python.exists() and not subprocess.run([python, "-c", "import oxen"], capture_output=True).returncode:
        which["oxen"] = f'"{python}" ../drive.py'
    git_add = "git add -A . && git commit -q -m v1"
    backup = {"RESTIC_REPOSITORY": "../store", "RESTIC_PASSWORD": "x", "RESTIC_CACHE_DIR": "../cache",
              "RUSTIC_REPOSITORY": "../store", "RUSTIC_PASSWORD": "x", "RUSTIC_CACHE_DIR": "../cache",
              "RUSTIC_NO_PROGRESS": "true", "BORG_REPO": "../store", "BORG_BASE_DIR": "../base",
              "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
              "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": "../site"}
    lines = {
        "git": ("git init -q && git config gc.auto 0", git_add),
        "dvc": ("git init -q && {0} init -q && {0} config core.check_update false", "{0} add -q data && " + git_add),
        "oxen": ("{0} init", "{0} add && {0} commit"),
        "restic": ("{0} init -q --repository-version 2", "{0} backup -q data"),
        "rustic": ("{0} init", "{0} backup data"),
        "borg": ("{0} init -e none", "{0} create -C zstd,3 ::v1 data"),
    }
    return [Peer(name, *(line.format(which[name]) for line in lines[name]), backup) for name in lines if which.get(name)]


def beside_peers(bench, tree, key):
    """Commits a copy of a tree with every other tool, if they were asked for. One that fails is left out from then on."""
    for peer in list(bench.peers):
        try:
            commit(bench, peer, tree, key)
        except Failed as error:
            bench.peers.remove(peer)
            bench.problems.append(str(error))
            say(f"FAILED {error}")


def commit(bench, peer, tree, key):
    folder = bench.work / "peer"
    repo = folder / "repo"
    remove(folder)
    repo.mkdir(parents=True)
    (folder / "drive.py").write_text(OXEN)
    subprocess.run(["cp", "-a", tree.v1, repo / "data"], check=True)
    env = {**bench.environment, **peer.env}
    made = subprocess.run(["bash", "-c", peer.init], cwd=repo, env=env, capture_output=True, text=True)
    if made.returncode:
        raise Failed(f"{peer.name}: {made.stderr.strip()[-300:]}")
    bench.warm(repo / "data")
    bench.run(f"{peer.name}: {key}", ["bash", "-c", peer.commit], repo, sync=True, env=peer.env)
    bench.discard(folder, tree.stats["v1_files"])
