"""The system users that run the keeper and the rest, when root starts the house, and whose the folders are."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

from havre.config.env import WrongSetting

User = pwd.struct_passwd


def of(values: dict[str, Any]) -> tuple[User, User] | None:
    """The users of the keeper and of the rest; None when all run as this process does."""
    rest = _named(values, "HAVRE_USER")
    keepers = _named(values, "HAVRE_KEEPER_USER")
    if os.geteuid() != 0 or (rest is None and keepers is None):
        return None
    if rest is None:
        raise WrongSetting(
            "HAVRE_KEEPER_USER is set without HAVRE_USER: a house that runs as root would read its keys."
        )
    if keepers and keepers.pw_uid == rest.pw_uid:
        raise WrongSetting("HAVRE_KEEPER_USER and HAVRE_USER are the same user: choose two.")
    return keepers or rest, rest


def become(user: User) -> None:
    """Be this user from now on."""
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def as_child(user: User) -> dict[str, Any]:
    """What Popen must be told for a child of this user."""
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}


def make_folder(setting: str, folder: Path) -> None:
    """Make it for us alone, if needed; WrongSetting when that cannot be, or when it may not be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSetting(f"{setting}: {folder} cannot be made ({error.strerror}).") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WrongSetting(f"{setting}: {folder} cannot be written by this user.")


def give(setting: str, folder: Path, owner: User, group: int, mode: int) -> None:
    """Make a folder for a user and a group; an empty one is taken, another's is refused."""
    make_folder(setting, folder)
    if folder.stat().st_uid != owner.pw_uid and any(folder.iterdir()):
        raise WrongSetting(
            f"{setting}: {folder} holds files and is not of the user {owner.pw_name}: "
            "give it to this user with chown -R, or choose an empty folder."
        )
    os.chown(folder, owner.pw_uid, group)
    folder.chmod(mode)


def _named(values: dict[str, Any], setting: str) -> User | None:
    name: str = values[setting]
    if not name:
        return None
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise WrongSetting(f"{setting}={name}: there is no such user on this system.") from None
    if os.geteuid() not in (0, user.pw_uid):
        raise WrongSetting(
            f"{setting}={name}: only root starts a process under another user; start the house as root, "
            "or `bin/havre keeper` under that user first and leave this setting out."
        )
    return user
