"""Loads the territory through the house's own verbs, so that what the demonstration shows is what Havre does."""

from __future__ import annotations

import io
import json
import random
import secrets
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from demo import cast, specimens
from havre.accounts import actions as accounts
from havre.accounts.models import SecondFactor, User
from havre.core import container
from havre.core.arrivals import Arrival, context
from havre.core.ids import uuid7
from havre.organisations import actions as organisations
from havre.organisations.models import Structure
from havre.people import actions as people
from havre.people import terms
from havre.people.models import Means, Person
from havre.vault import actions as vault

PHOTO = 1800  # pixels of the longer side: light enough to start quickly


def loaded() -> bool:
    return Structure.objects.exists()


def load(say: Callable[[str], None]) -> None:
    """The whole territory, in one transaction but for the papers; `say` tells the progress."""
    with transaction.atomic():
        places = {place.key: _place(place) for place in cast.PLACES}
        users = {worker.key: _worker(worker, places) for worker in cast.WORKERS}
        persons = {someone.key: _someone(someone, places, users) for someone in cast.PEOPLE}
    total = sum(len(someone.papers) for someone in cast.PEOPLE)
    done = 0
    for someone in cast.PEOPLE:
        for kind, style in someone.papers:
            _paper(persons[someone.key], someone, kind, style, users[someone.opened_by])
            done += 1
            say(f"\rDemo: {done} of {total} papers typeset, photographed and sealed")


def _place(place: cast.Place) -> Structure:
    structure = organisations.create_structure(place.name, place.commune)
    structure.sites.update(address=place.address, postcode=place.postcode, phone=place.phone)
    return structure


def _worker(worker: cast.Worker, places: dict[str, Structure]) -> User:
    user = accounts.create_professional(
        name=worker.name,
        email=worker.email,
        password=cast.PASSWORD,
        language=worker.language,
    )
    accounts.replace_secret(user, worker.secret)
    SecondFactor.objects.filter(user=user).update(confirmed_at=timezone.now())
    if worker.place and worker.role:
        organisations.join(user, places[worker.place], worker.role, by=None)
    else:
        organisations.name_operator(user)
    return user


def _someone(someone: cast.Someone, places: dict[str, Structure], users: dict[str, User]) -> Person:
    by = users[someone.opened_by]
    home = next(worker.place for worker in cast.WORKERS if worker.key == someone.opened_by) or ""
    person = people.open_record(
        by=by, structure=places[home].pk, name=someone.name, birth=someone.birth, language=someone.language
    )
    if someone.named:
        given = people.Given(
            structures=[places[key] for key in someone.named],
            until=terms.ends("365"),
            language=someone.language,
            means=Means.SIGNATURE,
            signature=_scrawl(someone.key),
        )
        people.give_consent(person, given, by=by)
    return person


def _scrawl(seed: str) -> str:
    """A tired signature: two strokes, always the same for the same person."""
    hand = random.Random(seed)
    first = [[150 + 14 * i, 500 + hand.randint(-160, 160)] for i in range(30)]
    second = [[600 + 9 * i, 540 + hand.randint(-60, 60)] for i in range(20)]
    return json.dumps([first, second])


def _paper(person: Person, someone: cast.Someone, kind: str, style: str, by: User) -> None:
    family, _, given = someone.name[::-1].partition(" ")
    holder = specimens.Holder(
        family_name=family[::-1],
        given_names=given[::-1] or someone.name,
        born=someone.born,
        birth_place="Exempleville",
        address=("14 rue du Phare", "59000 Lille"),
        sex=someone.sex,  # type: ignore[arg-type]
    )
    seed = sum(map(ord, someone.key + kind + style))
    made = specimens.specimen(kind, holder, timezone.localdate(), seed=seed, style=style, longest=PHOTO)
    vault.add_document(person, _arrival(made.data, by), by=by, kind=cast.VAULT_KINDS[kind])


def _arrival(data: bytes, by: User) -> Arrival:
    arrival = Arrival(uuid7(), secrets.token_bytes(32), by.pk, len(data))
    arrival.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with arrival.path.open("xb") as out:
        sealer = container.Sealer(out, arrival.key, context(arrival.id, by.pk))
        for piece in iter(io.BytesIO(data).read, b""):
            sealer.write(piece)
        sealer.finish()
    return arrival
