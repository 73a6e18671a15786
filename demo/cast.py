"""The demonstration's territory as data. Everybody is invented; telephone numbers are from the ranges for fiction."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import date

PASSWORD = "phare-osier-lande-cuivre"  # noqa: S105 -- everybody may know it: it opens invented people only


@dataclass(frozen=True)
class Place:
    """A structure and its site."""

    key: str
    name: str
    commune: str
    postcode: str
    address: str
    phone: str


PLACES = (
    Place("escale", "SIAO-115 Escale", "Lille", "59000", "2 quai Exemple", "03 53 01 15 15"),
    Place("halte", "Halte Exemple", "Lille", "59000", "14 rue du Phare", "03 53 01 20 10"),
    Place("tilleuls", "CHRS Les Tilleuls", "Lyon", "69007", "3 allée des Tilleuls", "04 65 71 30 20"),
    Place(
        "ccas",
        "CCAS de Saint-Amour-les-Ponts",
        "Saint-Amour-les-Ponts",
        "71570",
        "1 place Haute",
        "03 53 01 44 00",
    ),
    Place("canal", "Maison départementale Canal", "Roubaix", "59100", "8 quai du Canal", "03 53 01 51 00"),
    Place(
        "aube",
        "Service social de l’hôpital Sainte-Aube",
        "Lille",
        "59000",
        "40 avenue Sainte-Aube",
        "03 53 01 62 00",
    ),
    Place("rive", "CADA Rive", "Villeurbanne", "69100", "21 rue de la Rive", "04 65 71 18 00"),
    Place("etoile", "Maraude Étoile", "Lille", "59000", "5 rue de l’Étoile", "03 53 01 77 00"),
    Place("soupe", "La Soupe du jeudi", "Lille", "59000", "9 rue du Four", "03 53 01 78 00"),
    Place("abri", "L’Abri", "Lille", "", "", "03 53 01 79 00"),
    Place("genets", "IEM Les Genêts", "Armentières", "59280", "60 rue des Genêts", "03 53 01 80 00"),
    Place("clic", "Clic & Cie", "Lille", "59000", "12 rue du Lien", "03 53 01 81 00"),
    Place(
        "promeneur", "Mission locale Promeneur du Net", "Tourcoing", "59200", "7 rue Neuve", "03 53 01 82 00"
    ),
    Place("pass", "PASS du Port", "Lille", "59000", "1 quai des Soins", "03 53 01 83 00"),
    Place("vestiaire", "Vestiaire Croix-Exemple", "Lille", "59000", "18 rue du Fil", "03 53 01 84 00"),
    Place("panier", "Épicerie Panier", "Lille", "59000", "20 rue du Pain", "03 53 01 85 00"),
    Place("kaz", "Kaz Solidarité", "Cayenne", "97300", "4 rue des Amandiers", "01 99 00 97 30"),
)


@dataclass(frozen=True)
class Worker:
    """Somebody who signs in: where, as what, in which language."""

    key: str
    name: str
    place: str | None
    role: str | None
    about: str
    language: str = "fr"

    @property
    def email(self) -> str:
        return f"{self.key}@demo.exemple"

    @property
    def secret(self) -> str:
        """The same for ever, so that a code generator set up once goes on working after --reset."""
        return base64.b32encode(hashlib.sha256(f"demo {self.key}".encode()).digest()[:20]).decode()


WORKERS = (
    Worker("claire", "Claire Martel", "halte", "professional", "Travailleuse sociale, accueil de jour"),
    Worker("driss", "Driss Benali", "tilleuls", "professional", "Travailleur social, CHRS à Lyon"),
    Worker("elise", "Élise Caron", "escale", "professional", "Écoutante au 115"),
    Worker("farid", "Farid Saïdi", "etoile", "professional", "Responsable de maraude"),
    Worker("gaelle", "Gaëlle Le Goff", "halte", "manager", "Cheffe de service, accueil de jour"),
    Worker("rachid", "Rachid Amrani", "halte", "reception", "Accueil de la Halte"),
    Worker("sonia", "Sonia Delcourt", "genets", "professional", "Éducatrice, résidence Les Genêts"),
    Worker("lena", "Lena Costa", "ccas", "reader", "CCAS, lecture seule"),
    Worker("violette", "Violette Prune", "soupe", "volunteer", "Bénévole du jeudi"),
    Worker("nour", "Nour Haddad", "rive", "professional", "Intervenante sociale, CADA"),
    Worker("odile", "Odile Perrin", None, None, "Exploite la plateforme, ne lit aucun dossier"),
)


@dataclass(frozen=True)
class Someone:
    """A person accompanied: who opened the record, who was named in an accord (none: no accord), which papers."""

    key: str
    name: str
    birth: str
    language: str
    opened_by: str
    named: tuple[str, ...] = ()
    papers: tuple[tuple[str, str], ...] = ()  # (specimen kind, style)
    born: date = date(1980, 1, 1)
    sex: str = ""


PEOPLE = (
    Someone("bruno", "Bruno Lefèvre", "1974-03-27", "fr", "claire", born=date(1974, 3, 27), sex="M"),
    Someone(
        "amina",
        "Amina Tesfay",
        "1992-06-02",
        "ar",
        "claire",
        ("halte", "canal"),
        (
            ("asylum_attestation", "table"),
            ("birth_certificate", "flat"),
            ("domiciliation", "coffee"),
            ("health_cover", "table"),
            ("school_certificate", "crumpled"),
        ),
        date(1992, 6, 2),
        "F",
    ),
    Someone(
        "yonas",
        "Yonas Tesfay",
        "2018",
        "ar",
        "claire",
        ("halte",),
        (("vaccination_record", "table"),),
        date(2018, 9, 1),
        "M",
    ),
    Someone("saba", "Saba Tesfay", "2024", "ar", "claire", born=date(2024, 2, 1), sex="F"),
    Someone(
        "idriss",
        "Idriss Karimi",
        "1999",
        "en",
        "nour",
        ("rive", "tilleuls"),
        (("residence_receipt", "table"), ("diploma_cyrillic", "flat"), ("residence_extension", "pdf")),
        date(1999, 1, 1),
        "M",
    ),
    Someone(
        "mamadou",
        "Mamadou Sissoko",
        "1985",
        "fr",
        "claire",
        ("halte", "ccas"),
        (
            ("identity_card", "table"),
            ("payslip", "crumpled"),
            ("payslip", "flat"),
            ("bank_details", "dark"),
            ("tax_notice", "pdf"),
            ("loss_report", "unreadable"),
        ),
        date(1985, 5, 5),
        "M",
    ),
    Someone("nadia", "Nadia", "", "fr", "elise", born=date(1997, 4, 4), sex="F"),
    Someone("jonas", "Jonas", "2010", "fr", "farid", born=date(2010, 3, 3), sex="M"),
    Someone(
        "olivier",
        "Olivier Roussel",
        "1981-11-08",
        "fr",
        "claire",
        ("halte",),
        (("judgment", "upside_down"), ("release_note", "table")),
        date(1981, 11, 8),
        "M",
    ),
    Someone(
        "liliane",
        "Liliane Petit",
        "1955-02-14",
        "fr",
        "claire",
        ("halte", "ccas", "escale"),
        (
            ("identity_card", "flat"),
            ("caf_quotient", "pdf"),
            ("domiciliation", "pdf"),
            ("bank_details", "table"),
        ),
        date(1955, 2, 14),
        "F",
    ),
    Someone(
        "rada",
        "Rada Ionescu",
        "1990-07",
        "fr",
        "claire",
        ("halte",),
        (("birth_certificate", "coffee"),),
        date(1990, 7, 1),
        "F",
    ),
    Someone("paulina", "Paulina Nowak", "2003", "en", "elise", born=date(2003, 8, 8), sex="F"),
    Someone("gare", "Monsieur de la gare", "", "fr", "farid", born=date(1965, 1, 1), sex="M"),
    Someone(
        "wei",
        "Wei Zhang",
        "1968-10-30",
        "en",
        "driss",
        ("tilleuls",),
        (("health_cover", "table"),),
        date(1968, 10, 30),
        "M",
    ),
    Someone(
        "hana",
        "Hana Morel",
        "2007-05-19",
        "fr",
        "sonia",
        ("genets",),
        (("identity_card", "table"), ("judgment", "pdf")),
        date(2007, 5, 19),
        "F",
    ),
)

VAULT_KINDS = {
    "identity_card": "identity-card",
    "birth_certificate": "birth-certificate",
    "residence_receipt": "residence-receipt",
    "residence_extension": "residence-receipt",
    "asylum_attestation": "asylum-attestation",
    "health_cover": "health-cover",
    "caf_quotient": "caf-attestation",
    "tax_notice": "tax-notice",
    "payslip": "payslip",
    "bank_details": "bank-details",
    "judgment": "judgment",
    "vaccination_record": "vaccination",
    "school_certificate": "school-certificate",
    "domiciliation": "domiciliation",
    "loss_report": "loss-report",
    "diploma_cyrillic": "diploma",
    "release_note": "release-note",
}
