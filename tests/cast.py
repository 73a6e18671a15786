"""The fixed cast (house style): who they are, where they sit, and one paper of each kind of truth about them.

Claire accompanies Bruno at the day centre; Driss works in another town; Élise runs the 115 desk, which nobody named
(the third structure); Gaëlle manages Claire's structure; Rachid is at its reception desk, Violette is a volunteer
there, Lena may only read. Odile is the operator: she reads no person. Norbert has an account and no seat.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image, ImageDraw

from havre.accounts import actions as accounts
from havre.accounts.models import User
from havre.core import arrivals, container
from havre.core.ids import uuid7
from havre.organisations import actions as organisations
from havre.organisations.models import Role, Structure
from havre.people import actions as people
from havre.people import terms
from havre.people.models import Consent, Means, Person
from havre.vault import actions as vault
from havre.vault.models import Document

SIGNATURE = json.dumps([[[100, 500], [300, 300], [500, 600], [700, 400], [900, 500]]])


@dataclass
class Cast:
    """Who is on stage. `client(name)` is a browser where that user is signed in; "" is nobody."""

    halte: Structure
    tilleuls: Structure
    escale: Structure
    users: dict[str, User] = field(default_factory=dict)

    def __getattr__(self, name: str) -> User:
        try:
            return self.users[name]
        except KeyError:
            raise AttributeError(name) from None

    def client(self, name: str = "") -> Client:
        browser = Client()
        if name:
            browser.force_login(self.users[name], backend="havre.accounts.backend.Backend")
        return browser

    def bruno(self) -> Person:
        """Bruno's record at the day centre; his vault is empty and he has agreed to nothing."""
        return people.open_record(
            by=self.claire, structure=self.halte.pk, name="Bruno Lefèvre", birth="1974-03-27", language="fr"
        )

    def agreed(self, person: Person, *structures: Structure, by: User | None = None) -> Consent:
        """An accord signed on the screen, for one year."""
        given = people.Given(structures, terms.ends("365"), "fr", Means.SIGNATURE, SIGNATURE)
        return people.give_consent(person, given, by=by or self.claire)

    def paper(self, person: Person, data: bytes | None = None, *, by: User | None = None) -> Document:
        """A paper brought by Claire, with its pages asked for on commit."""
        author = by or self.claire
        return vault.add_document(
            person, arrived(data or photo(), author), by=author, kind="identity-card", title="Carte de Bruno"
        )


def build() -> Cast:
    """The cast, written in the database through the house's own verbs."""
    cast = Cast(
        halte=organisations.create_structure("Halte Exemple", "Lille"),
        tilleuls=organisations.create_structure("CHRS Les Tilleuls", "Lyon"),
        escale=organisations.create_structure("SIAO-115 Escale", "Lille"),
    )
    seats = (
        ("claire", "Claire Martel", cast.halte, Role.PROFESSIONAL),
        ("driss", "Driss Benali", cast.tilleuls, Role.PROFESSIONAL),
        ("elise", "Élise Caron", cast.escale, Role.PROFESSIONAL),
        ("gaelle", "Gaëlle Le Goff", cast.halte, Role.MANAGER),
        ("rachid", "Rachid Amrani", cast.halte, Role.RECEPTION),
        ("violette", "Violette Prune", cast.halte, Role.VOLUNTEER),
        ("lena", "Lena Costa", cast.halte, Role.READER),
    )
    for key, name, structure, role in seats:
        cast.users[key] = _user(key, name)
        organisations.join(cast.users[key], structure, role, by=None)
    cast.users["odile"] = _user("odile", "Odile Perrin")
    organisations.name_operator(cast.odile)
    cast.users["norbert"] = _user("norbert", "Norbert Weil")
    return cast


def _user(key: str, name: str) -> User:
    return accounts.create_professional(name=name, email=f"{key}@exemple.test", password=None)


def photo(text: str = "SPÉCIMEN", size: tuple[int, int] = (1200, 850), form: str = "JPEG") -> bytes:
    """A small picture of a paper."""
    picture = Image.new("RGB", size, "#e9e2d0")
    ImageDraw.Draw(picture).text((80, 80), text, fill="#222222", font_size=60)
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def upload(data: bytes, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="image/jpeg")


def arrived(data: bytes, owner: User) -> arrivals.Arrival:
    """A file as the upload handler leaves it: sealed, waiting."""
    arrival = arrivals.Arrival(uuid7(), b"k" * 32, owner.pk, len(data))
    arrival.path.parent.mkdir(parents=True, exist_ok=True)
    with arrival.path.open("xb") as out:
        sealer = container.Sealer(out, arrival.key, arrivals.context(arrival.id, owner.pk))
        sealer.write(data)
        sealer.finish()
    return arrival
