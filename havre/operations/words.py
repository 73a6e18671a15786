"""What an alarm or a condition means, and what the operator does about it, in one sentence each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from havre.operations.models import Kind


@dataclass(frozen=True)
class Words:
    """What happened, and what to do; both are lazy sentences."""

    happened: Any
    to_do: Any


ALARMS = {
    # the keeper's own words
    "budget": Words(
        _("Un compte a demandé trop de clés en peu de temps."),
        _("Demandez pourquoi à sa structure. En cas de doute, redonnez un accès."),
    ),
    "forbidden": Words(
        _("Un compte a demandé la partie privée d’une personne."),
        _("Aucune page ne le permet. Cherchez si quelqu’un est entré sur la machine."),
    ),
    "copy-behind": Words(
        _("La deuxième copie des clés ne suit plus."),
        _("Vérifiez le disque ou la machine de la deuxième copie."),
    ),
    "copy-back": Words(
        _("La deuxième copie des clés suit de nouveau."),
        _("Cherchez pourquoi elle s’était arrêtée."),
    ),
    "damaged": Words(
        _("Des clés sont abîmées sur le disque."),
        _("Ne redémarrez rien. Vérifiez le disque et la deuxième copie."),
    ),
    "repaired": Words(
        _("Des clés abîmées ont été réparées avec la deuxième copie."),
        _("Rien n’est perdu. Vérifiez le disque du gardien."),
    ),
    "clock-back": Words(
        _("L’horloge de la machine est revenue en arrière."),
        _("Remettez la machine à l’heure."),
    ),
    "take-over": Words(
        _("La machine de secours a pris la place du gardien."),
        _("Vérifiez que l’ancien gardien est bien arrêté."),
    ),
    "journal-cut": Words(
        _("Des lignes du journal du gardien ont disparu."),
        _("Une copie a été remise, ou quelqu’un est entré. Cherchez qui."),
    ),
    "day-late": Words(
        _("La clé du jour n’a pas été changée à temps."),
        _("Vérifiez la deuxième copie, puis lisez les messages du gardien."),
    ),
    "upkeep": Words(
        _("Le gardien n’a pas pu finir son travail de fond."),
        _("Vérifiez la place et l’état de ses disques."),
    ),
    "erase-burst": Words(
        _("Beaucoup d’effacements ont eu lieu en peu de temps."),
        _("Vérifiez qui les a demandés."),
    ),
    # ours
    "store-older": Words(
        _("Les clés du gardien sont plus anciennes que la base."),
        _("Arrêtez Havre. Remettez la copie la plus récente des clés."),
    ),
    "erased-anew": Words(
        _("Havre a terminé des effacements."),
        _("Rien à faire. Une vieille sauvegarde ou un arrêt les avait laissés incomplets."),
    ),
}

CONDITIONS = {
    "day-late": Words(
        _("La clé du jour a plus de 26 heures."),
        _("Vérifiez la deuxième copie, puis lisez les messages du gardien."),
    ),
    "copy-behind": Words(
        _("La deuxième copie ne suit plus depuis plus d’un jour."),
        _("Vérifiez le disque ou la machine de la deuxième copie."),
    ),
    "no-copy": Words(
        _("Les clés n’ont pas de deuxième copie."),
        _("Donnez-en une au gardien. Si ce disque meurt, tout est perdu."),
    ),
    "same-disk": Words(
        _("La deuxième copie est sur le même disque que les clés."),
        _("Mettez-la sur un autre disque, ou sur une autre machine."),
    ),
    "damaged": Words(
        _("Des clés sont abîmées. Elles n’ouvrent plus rien."),
        _("Vérifiez le disque et la deuxième copie. La liste est plus bas."),
    ),
}

KINDS = {Kind.STRUCTURE: _("Structure"), Kind.USER: _("Compte"), Kind.PERSON: _("Personne")}
WHY = {
    "unknown": _("Le gardien n’a pas ses clés"),
    "damaged": _("Ses clés sont abîmées"),
    "erased": _("Ses clés ont été effacées"),
}
ROLES = {"primary": _("Gardien principal"), "standby": _("Gardien de secours")}


def alarm(what: str) -> Words:
    """The words of an alarm; a keeper newer than this house may say one that is unknown here."""
    return ALARMS.get(what) or Words(
        _("Alerte inconnue."), _("Ce mot est nouveau. Lisez la documentation du gardien.")
    )
