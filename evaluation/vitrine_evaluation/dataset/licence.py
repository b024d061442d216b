"""Licences that a package may bear, by SPDX id, each in a paragraph of our own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence of data."""

    spdx: str
    title: str
    url: str
    #: What it allows and asks, in both languages.
    fr: str
    en: str


_KNOWN = (
    Licence(
        "CC-BY-4.0",
        "Creative Commons Attribution 4.0 International",
        "https://creativecommons.org/licenses/by/4.0/legalcode",
        "Vous pouvez copier, redistribuer et transformer ces données, y compris à des fins commerciales, à condition "
        "de citer la source, de renvoyer à la licence et de dire ce que vous avez modifié.",
        "You may copy, redistribute and transform these data, commercially too, provided that you name the source, "
        "point to the licence and say what you changed.",
    ),
    Licence(
        "CC-BY-SA-4.0",
        "Creative Commons Attribution-ShareAlike 4.0 International",
        "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
        "Vous pouvez copier, redistribuer et transformer ces données à condition de citer la source, de dire ce que "
        "vous avez modifié et de diffuser le résultat sous la même licence.",
        "You may copy, redistribute and transform these data provided that you name the source, say what you changed "
        "and share the result under the same licence.",
    ),
    Licence(
        "CC0-1.0",
        "Creative Commons Zero 1.0 Universal",
        "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
        "L’auteur renonce à ses droits autant que la loi le permet : faites de ces données ce que vous voulez.",
        "The author waives all rights as far as the law allows: you may do with these data what you like.",
    ),
)


def licence(spdx: str) -> Licence:
    """Return what is known of a licence; of one that is not listed, its name alone."""
    for known in _KNOWN:
        if known.spdx == spdx:
            return known
    return Licence(
        spdx,
        spdx,
        "",
        "Les conditions de cette licence sont à demander à l’organisation qui publie ces données.",
        "Ask the organisation that publishes these data for the terms of this licence.",
    )
