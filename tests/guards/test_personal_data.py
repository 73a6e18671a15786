"""Personal data lies sealed, is reached through `visible_to` alone, and each of its models has a shredder.

Each exception below is written with its reason; one that is no longer needed fails too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection, models

from havre.accounts.models import User
from havre.core import shredding
from havre.core.sealing import SealedField
from havre.people import actions as people
from havre.people.models import Person
from tests import journey

PROJECT = Path(__file__).resolve().parents[2]

# --- what lies in clear, and why ---

_CODE = "a code of the house, from a closed list"
_HASH = "a hash or a blind token: it says nothing without the keeper or the secret"
_PUBLIC = "a public fact about a structure"
_NEVER_TEXT = "identifiers and counts written by the code, never what somebody typed"
_DJANGO = "Django's own list of models and rights; no row is about anybody"

CLEAR = {
    "core.lease.name": _CODE,
    "core.lease.holder": "a process of the house",
    "core.heartbeat.holder": "a process of the house",
    "core.heartbeat.process": _CODE,
    "core.heartbeat.machine": "a machine of the house",
    "core.bucket.key": _HASH,
    "audit.entry.act": _CODE,
    "audit.entry.object_kind": _CODE,
    "audit.entry.facts": _NEVER_TEXT,
    "audit.entry.digest": _HASH,
    "inbox.workitem.kind": _CODE,
    "outbox.message.notice": _CODE,
    "outbox.message.language": "the language of a message, from a closed list",
    "outbox.message.cause": _CODE,
    "outbox.message.dedup_key": _HASH,
    "outbox.message.state": _CODE,
    "outbox.message.wrapped_key": "a key wrapped by the keeper",
    "accounts.user.password": _HASH,
    "accounts.user.space": _CODE,
    "accounts.user.email_token": _HASH,
    "accounts.user.language": "the language of a professional's screens",
    "accounts.session.session_key": "random",
    "accounts.session.session_data": "ids (one's own, records just seen) and the house's own sentences; "
    "the canaries read what it decodes to",
    "accounts.draft.path": "an address of the house: route and ids, without its query",
    "organisations.structure.name": _PUBLIC,
    "organisations.structure.commune": _PUBLIC,
    "organisations.site.name": _PUBLIC,
    "organisations.site.address": _PUBLIC,
    "organisations.site.postcode": _PUBLIC,
    "organisations.site.commune": _PUBLIC,
    "organisations.site.phone": _PUBLIC,
    "organisations.team.name": _PUBLIC,
    "organisations.membership.role": _CODE,
    "organisations.invitation.role": _CODE,
    "organisations.invitation.token_hash": _HASH,
    "operations.keeperseen.digest": _HASH,
    "operations.alarm.what": _CODE,
    "operations.alarm.actor": "a kind and an id",
    "operations.alarm.detail": "counts, codes and references, written by the keeper or by us",
    "operations.condition.word": _CODE,
    "operations.loss.kind": _CODE,
    "operations.loss.why": _CODE,
    "people.consent.things": _CODE,
    "people.consent.purpose": _CODE,
    "people.consent.means": _CODE,
    "people.consent.receipt": _HASH + "; salted",
    "people.nametoken.token": _HASH + "; docs/names.md says what equal ones tell",
    "people.erasure.number": "a random reference, told to whom it is about; nothing links it to them",
    "vault.document.part": _CODE,
    "vault.version.wrapped_key": "a key wrapped by the keeper",
    "vault.version.media_type": _CODE,
    "vault.version.pages": _CODE,
    "vault.version.problem": _CODE,
    "contenttypes.contenttype.app_label": _DJANGO,
    "contenttypes.contenttype.model": _DJANGO,
    "auth.permission.name": _DJANGO,
    "auth.permission.codename": _DJANGO,
    "auth.group.name": _DJANGO,
    "django_tasks_database.dbtaskresult.status": _CODE,
    "django_tasks_database.dbtaskresult.args_kwargs": _NEVER_TEXT,
    "django_tasks_database.dbtaskresult.task_path": _CODE,
    "django_tasks_database.dbtaskresult.worker_ids": "processes of the house",
    "django_tasks_database.dbtaskresult.queue_name": _CODE,
    "django_tasks_database.dbtaskresult.backend_name": _CODE,
    "django_tasks_database.dbtaskresult.return_value": _NEVER_TEXT,
    "django_tasks_database.dbtaskresult.exception_class_path": _CODE,
    "django_tasks_database.dbtaskresult.traceback": "lines of code and a fault's sentence; tasks get ids, never text",
}

# --- models about somebody that need no shredder, and why ---

SHREDDED_OTHERWISE: dict[str, str] = {}

# --- who reads personal rows without `visible_to`, and why ---

_BEFORE = "signing in: nobody is there yet to see anything"
_OWN = "the user's own row"
_CLAIM = "the outbox works by itself; it claims by conditional UPDATE"
_SEALED = "every file at rest is authenticated, or asked whose it is; ids and wrapped keys, nothing opened"
_GIVEN = "rows of objects that `visible_to` has just given"

_EPOCH = "numbers of epochs, and the ids that they belong to"

READS = {
    "accounts/actions.py:user_with_password": _BEFORE,
    "accounts/actions.py:half_signed_in": _BEFORE,
    "accounts/actions.py:second_factor": _OWN,
    "accounts/actions.py:new_secret": _OWN,
    "accounts/actions.py:confirm_second_factor": _OWN,
    "accounts/actions.py:_code_is_right": _OWN,
    "accounts/backend.py:Backend.get_user": _BEFORE,
    "accounts/drafts.py:keep": _OWN,
    "accounts/sessions.py:_with_user": "found by the session key, which is its owner's secret",
    "accounts/actions.py:renew_access": "the operator renews one account, unread",
    "accounts/management/commands/renew_access.py:Command.handle": "the operator names the account by its address",
    "vault/tasks.py:_release": "the worker releases its own claim, by the version's key",
    "accounts/drafts.py:kept": _OWN,
    "accounts/drafts.py:forget": _OWN,
    "accounts/drafts.py:purge": "the clock removes old drafts, unread",
    "accounts/middleware.py:sign_in.process_view": _OWN,
    "accounts/middleware.py:_left": _OWN,
    "accounts/sessions.py:note_visit": _OWN,
    "accounts/sessions.py:end_all": "the sessions of a user who leaves, ended unread",
    "accounts/sessions.py:purge": "the clock removes old sessions, unread",
    "audit/actions.py:record_look": "asks whether the same look is noted already",
    "audit/chain.py:extend": "the sequencer chains every line",
    "audit/chain.py:first_fault": "the check of the chain reads every line",
    "audit/queries.py:about": "the caller has the person through `visible_to`",
    "inbox/actions.py:ask": "writes; asking twice for the same thing is one row",
    "inbox/actions.py:done": "writes; closes what was asked about an object",
    "inbox/actions.py:ask_once": "asks whether the clock has asked before, reads nothing",
    "people/tasks.py:_renewed": "the clock asks which structures a later accord names",
    "inbox/actions.py:close": "writes; the view found the item through `access.closable`",
    "inbox/queries.py:to_do": "scoped by the structures that the caller's seat gives",
    "operations/actions.py:_tell": "writes an alarm of the keeper, once",
    "core/epochs.py:_locked": _EPOCH,
    "core/epochs.py:_moved": _EPOCH,
    "core/epochs.py:finish": _EPOCH,
    "core/epochs.py:finish_all": _EPOCH,
    "core/epochs.py:SHREDDERS": "erasure",
    "operations/queries.py:waiting_alarms": "the operator's own work; it holds ids alone",
    "operations/queries.py:alarms_told": "the operator's own work; it holds ids alone",
    "operations/queries.py:some_may_come_back": "the operator's own work; it holds ids alone",
    "operations/queries.py:losses": "the operator's own work; it holds ids alone",
    "operations/queries.py:_seats": "the structures of an account, for the operator, unread",
    "operations/queries.py:_users": "since when an account is there, for the operator, unread",
    "operations/queries.py:_people": "the structures near somebody lost, for the operator, unread",
    "operations/reconciliation.py:_subjects": "ids alone, for the keeper",
    "operations/reconciliation.py:_write_losses": "writes who is lost, ids alone",
    "operations/tasks.py:purge": "the clock removes old alarms",
    "operations/views.py:alarm_seen": "the operator's own work; it holds ids alone",
    "organisations/actions.py:name_operator": "writes; naming twice is one row",
    "organisations/actions.py:end_operator": "writes; the operator's word at the console",
    "organisations/management/commands/operator.py:Command._list": "who operates the instance, at the console",
    "organisations/management/commands/operator.py:_account": "the operator names the account by its address",
    "organisations/middleware.py:_operating": _OWN,
    "organisations/actions.py:open_invitation": "found by its secret token alone",
    "organisations/actions.py:invited_user": "found by its secret token; asks whether an address is taken",
    "organisations/actions.py:_close_others": "ends the other open links to the same address and structure",
    "organisations/actions.py:_taken": "found by its secret token; closes it once",
    "organisations/actions.py:_seat": "the same user's older seat in the same structure",
    "organisations/actions.py:end_membership": "writes; access is asked one line above",
    "organisations/middleware.py:_memberships": _OWN,
    "organisations/notices.py:_invitation_open": "asks whether a message's cause is still true, reads nothing",
    "organisations/queries.py:team_of": "scoped by the structure that the caller manages",
    "organisations/queries.py:is_member": "a yes or a no, about the team that the caller manages",
    "organisations/queries.py:names": "names of authors, which the team and the person may read",
    "organisations/views.py:membership_end": "scoped by the structure that the user manages",
    "outbox/actions.py:prepare": "asks whether the same message exists",
    "outbox/actions.py:_claimed": _CLAIM,
    "outbox/actions.py:_send": _CLAIM,
    "outbox/shelf.py:_after": _SEALED,
    "outbox/shelf.py:_strays": _SEALED,
    "people/actions.py:withdraw": "writes; access is asked one line above",
    "people/names.py:answering.holding": "narrows rows that `visible_to` has given",
    "people/names.py:write": "replaces tokens of people whom the caller has, unread",
    "people/names.py:_lacking": "the clock asks whose tokens are missing: ids alone",
    "people/names.py:_seen": "the clock asks which structure sees whom: ids alone",
    "people/names.py:clean": "the clock removes tokens, unread",
    "people/names.py:make_all_again": "the operator marks every token as old, unread",
    "people/tasks.py:announce_ending_consents": "the clock, for every structure; it reads ids and dates alone",
    "vault/actions.py:erase_document": "the versions of a paper that the caller may bring and take away",
    "vault/actions.py:erase_document.remove": "removes that paper",
    "vault/queries.py:latest_versions": _GIVEN,
    "vault/tasks.py:make_pages": "the worker, for one id of its queue",
    "vault/tasks.py:_claim": "the worker claims by conditional UPDATE",
    "vault/tasks.py:_finish": "the worker writes what it has claimed",
    "vault/tasks.py:resume_forgotten": "the clock, ids alone",
    "vault/shelf.py:_after": _SEALED,
    "vault/shelf.py:_strays": _SEALED,
}

FOR_SYSTEM = {
    "operations/queries.py:_people": "since when somebody lost is there, and how many papers, unread",
    "operations/reconciliation.py:_subjects": "ids alone, for the keeper",
    "people/actions.py:erase": "holds the row that is erased",
    "people/erasures.py:language_of": "the language of the receipt that the person is given",
    "people/management/commands/erase_person.py:Command.handle": "the operator erases somebody at their word",
    "people/names.py:renew": "the clock writes the tokens by which names are found",
    "people/shredder.py:_export_person": "export",
    "people/shredder.py:SHREDDERS": "erasure",
    "vault/queries.py:has_papers": "is the vault empty? a yes or a no, which no user sees",
    "vault/shredder.py:_export_documents": "export",
    "vault/shredder.py:SHREDDERS": "erasure",
}

FREE_FILES = (
    "models.py",
    "access.py",
    "shredder.py",
)  # where rows may be named: they are what scopes or erases them
FREE_METHODS = {"create", "bulk_create", "visible_to", "for_system"}
SOMEBODY = {"person", "subject", "user", "by", "created_by", "done_by", "collected_by"}


# --- sealed or listed ---


def _texts() -> Iterator[tuple[str, models.Field[Any, Any]]]:
    """Every column that can hold what somebody typed."""
    kinds = (models.CharField, models.TextField, models.JSONField, models.BinaryField, models.FileField)
    others = (models.GenericIPAddressField, models.DecimalField)
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:
            a_day = isinstance(field, models.DateField) and not isinstance(field, models.DateTimeField)
            if a_day or isinstance(field, kinds + others):
                yield f"{model._meta.label_lower}.{field.name}", field


def test_every_text_is_sealed_or_listed_with_a_reason() -> None:
    clear = {name for name, field in _texts() if not isinstance(field, SealedField)}
    assert clear - set(CLEAR) == set(), "seal it, or say why it may lie in clear"
    assert set(CLEAR) - clear == set(), "stale: remove it from the list"


# --- shredders ---


def _about_somebody() -> set[str]:
    """The models with sealed columns, or that name a person or a user, or that belong to one that does."""
    everything = {model._meta.label_lower: model for model in apps.get_models()}
    found = {label for label, model in everything.items() if _names_somebody(model)}
    while True:
        more = {label for label, model in everything.items() if _parents(model) & found} - found
        if not more:
            return found
        found |= more


def _names_somebody(model: type[models.Model]) -> bool:
    fields = model._meta.local_fields
    uuids = {field.name for field in fields if isinstance(field, models.UUIDField)}
    return bool(
        any(isinstance(field, SealedField) for field in fields)
        or uuids & SOMEBODY
        or _parents(model) & {"people.person", "accounts.user"}
    )


def _parents(model: type[models.Model]) -> set[str]:
    return {
        field.related_model._meta.label_lower
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey)
    }


def test_every_model_about_somebody_has_a_shredder() -> None:
    missing = _about_somebody() - set(shredding.known()) - set(SHREDDED_OTHERWISE)
    assert missing == set()
    assert set(SHREDDED_OTHERWISE) <= _about_somebody() - set(shredding.known()), "stale"


def test_every_shredder_is_about_a_model_that_exists_and_says_how_long() -> None:
    labels = {model._meta.label_lower for model in apps.get_models()}
    assert set(shredding.known()) <= labels
    assert [label for label, shredder in shredding.known().items() if len(shredder.retention) < 10] == []


# where an id may outlive its person, and why
ID_STAYS = {
    "audit_entry": "the journal is append-only: it proves the erasure, with ids alone",
}


@pytest.mark.django_db
def test_an_erased_person_is_named_in_no_table_and_can_be_exported_before() -> None:
    scene = journey.build()
    told = shredding.export_all(scene.bruno.pk)
    assert told["people.person"][0]["name"] == "Bruno Lefèvre"
    assert told["vault.document"][0]["title"] == "Carte de Bruno"
    versions = _values("vault_version", "blob")
    people.erase(scene.bruno.pk)
    for gone in (scene.bruno.pk, scene.consent.pk, scene.document.pk, *map(UUID, versions)):
        assert _tables_with(gone) - set(ID_STAYS) == set()


@pytest.mark.django_db
def test_an_erased_user_is_found_in_no_table_as_a_subject() -> None:
    scene = journey.build()
    lena = scene.cast.lena
    assert shredding.export_all(lena.pk)["accounts.user"]
    people.erase(lena.pk)
    assert not User.objects.filter(pk=lena.pk).exists()
    assert _tables_with(lena.pk) - set(ID_STAYS) == set()


def _tables_with(id: UUID) -> set[str]:
    """The tables where an id stands, in any column."""
    return {table for table in connection.introspection.table_names() if id.hex in _dump(table)}


def _dump(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 -- our own table
        return repr(cursor.fetchall()).replace("-", "").lower()


def _values(table: str, column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")  # noqa: S608 -- our own table
        return [str(row[0]) for row in cursor.fetchall()]


# --- `visible_to` is the only source ---


class _Uses(ast.NodeVisitor):
    """Where a source names rows of a personal model: (function, method called on its manager)."""

    def __init__(self, names: set[str]) -> None:
        self.names, self.place, self.found = names, [""], set[tuple[str, str]]()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.names |= {alias.asname for alias in node.names if alias.asname and alias.name in self.names}

    def _inside(self, name: str, node: ast.AST) -> None:
        self.place.append(f"{self.place[-1]}.{name}".lstrip("."))
        self.generic_visit(node)
        self.place.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node.name, node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._inside(node.name, node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node.name, node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if self.place[-1] or not isinstance(node.targets[0], ast.Name):
            self.generic_visit(node)
        else:
            self._inside(node.targets[0].id, node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        through = self._is_manager(node.value)
        if through or self._is_manager(node):
            self.found.add((self.place[-1], node.attr))
        if not through:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        shortcut = isinstance(node.func, ast.Name) and node.func.id.startswith("get_")
        if shortcut and node.args and self._is_model(node.args[0]):
            self.found.add((self.place[-1], ast.unparse(node.func)))
        self.generic_visit(node)

    def _is_manager(self, node: ast.AST) -> bool:
        managers = ("objects", "_default_manager", "_base_manager")
        return isinstance(node, ast.Attribute) and node.attr in managers and self._is_model(node.value)

    def _is_model(self, node: ast.AST) -> bool:
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        return name in self.names


def _uses(source: str) -> set[tuple[str, str]]:
    visitor = _Uses({apps.get_model(label).__name__ for label in _about_somebody()})
    visitor.visit(ast.parse(source))
    return visitor.found


def _all_uses() -> Iterator[tuple[str, str, str]]:
    """(file:function, file, method) of every use of a personal model's rows in the house."""
    root = PROJECT / "havre"
    for path in sorted(root.rglob("*.py")):
        if "migrations" not in path.parts:
            file = path.relative_to(root).as_posix()
            for place, method in _uses(path.read_text("utf-8")):
                yield f"{file}:{place}", path.name, method


def test_personal_rows_come_from_visible_to_or_from_a_listed_place() -> None:
    places = {
        where for where, file, method in _all_uses() if file not in FREE_FILES and method not in FREE_METHODS
    }
    assert places - set(READS) == set(), "use visible_to, or say why not"
    assert set(READS) - places == set(), "stale: remove it from the list"


def test_who_works_for_the_system_is_listed() -> None:
    callers = {where for where, _file, method in _all_uses() if method == "for_system"}
    assert callers - set(FOR_SYSTEM) == set(), "use visible_to, or say why not"
    assert set(FOR_SYSTEM) - callers == set(), "stale: remove it from the list"


def test_work_for_the_system_says_why() -> None:
    with pytest.raises(ValueError, match="reason"):
        Person.objects.for_system("")


@pytest.mark.parametrize(
    "line",
    [
        "Person.objects.get(pk=id)",
        "Document.objects.all()",
        "models.Consent.objects.filter(pk=id).first()",
        "rows = Person.objects",
        "Person._default_manager.all()",
        "get_object_or_404(Person, pk=id)",
        "[person for person in Person.objects.exclude(pk=id)]",
        "Version.objects.filter(pk=id).update(size=0)",
    ],
)
def test_a_breach_is_seen(line: str) -> None:
    found = _uses(f"def page(id):\n    {line}\n")
    assert [use for use in found if use[0] == "page" and use[1] not in FREE_METHODS]


def test_a_breach_under_another_name_is_seen_and_right_code_is_not() -> None:
    renamed = (
        "from havre.people.models import Person as P\n\nclass A:\n    def b(self):\n        P.objects.all()\n"
    )
    assert _uses(renamed) == {("A.b", "all")}
    right = "def page(user):\n    Person.objects.visible_to(user).filter(pk=1)\n    Structure.objects.all()\n"
    assert _uses(right) == {("page", "visible_to")}
