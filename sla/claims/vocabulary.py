"""Words for durations and availability in published texts. Data only.

The languages are English, German, French, Spanish and Chinese, in which tables of nines are common.
"""

from __future__ import annotations

import re
from fractions import Fraction

SECOND, MINUTE, HOUR, DAY = Fraction(1), Fraction(60), Fraction(3600), Fraction(86400)

UNITS: dict[str, tuple[Fraction, str]] = {
    "milliseconds": (SECOND / 1000, r"milliseconds?|millisecs?|msecs?|ms|millisekunden?|millisecondes?|毫秒"),
    "seconds": (SECOND, r"seconds?\(s\)|seconds?|secs?|sekunden?|secondes?|segundos?|s|sek|seg|秒钟?"),
    "minutes": (MINUTE, r"minutes?\(s\)|minutes?|mins?|minuten|minutos?|mn|m|分钟?"),
    "hours": (HOUR, r"hours?\(s\)|hours?|hrs?|stunden?|heures?|horas?|std|h|小时"),
    "days": (DAY, r"days?\(s\)|days?|tagen?|tag|jours?|d[ií]as?|d|天"),
    "weeks": (7 * DAY, r"weeks?|wks?|wochen?|semaines?|semanas?|w|周"),
}
"""Unit -> its length in seconds, and a pattern of its spellings. Months and years are periods, never a downtime."""


def any_of(*spellings: str, end: str = "") -> re.Pattern[str]:
    """Return a pattern that finds any of the spellings at the start of a word, with `end` after it."""
    return re.compile(rf"(?<![A-Za-zÀ-ÖØ-öø-ɏ])(?:{'|'.join(spellings)}){end}", re.IGNORECASE)


DOWNTIME = any_of(
    r"down[- ]?time|outages?|unavailab\w+|down\b|error budgets?|interruptions?|offline|non-?availab\w+|"
    r"not available|service loss|[\w-]*ausf[aä]ll\w*|nicht[- ]?verf[üu]gbar\w*|unverf[üu]gbar\w*|"
    r"stillst[aä]nd\w*|(?:betriebs|dienst)?unterbrechung\w*|stehzeit\w*|fehlerbudget\w*|indisponib\w+|"
    r"non[- ]disponib\w+|arr[êe]ts?\b|coupures?|pannes?\b|hors (?:service|ligne)|inactividad|ca[ií]das?\b|"
    r"interrupci[óo]n\w*|paradas?\b|fuera de servicio|no disponib\w+|停机|宕机|不可用",
)
UNAVAILABILITY = any_of(
    r"unavailab\w+|non-?availab\w+|down[- ]?time|outages?|error budgets?|nicht[- ]?verf[üu]gbar\w*|"
    r"unverf[üu]gbar\w*|[\w-]*ausf[aä]ll\w*|indisponib\w+|non[- ]disponib\w+|no disponib\w+",
)
"""Matches the header of a column of unavailability percentages."""

AVAILABILITY = any_of(
    r"availab\w*|up[- ]?time|nines?\b|9s\b|slas?\b|slos?\b|service[- ]levels?|reliab\w+|"
    r"(?:hoch|gesamt|system|dienst|server|netz|service|mindest|jahres|monats)?verf[üu]gbar\w*|neunen?\b|"
    r"disponib\w+|nueves|可用",
)
TIME_UP = any_of(
    r"up[- ]?time|up\b(?! to)|available\b|availability hours|operati\w+|running|online|in service|"
    r"verf[üu]gbare?[rns]?\b|verf[üu]gbarkeits\w+|betriebs\w+|laufzeit\w*|nutzbar\w*|disponibles?\b|"
    r"fonctionnement|en service|en ligne|ouverture|activ[oa]s?\b|funcionamiento|en l[íi]nea|operativ\w+|"
    r"heures? de disponibilit[ée]|horas de disponibilidad",
)
"""Matches the header of a column of uptime, from which words for downtime were removed."""

TARGET = any_of(
    r"targets?\b|objectives?\b|goals?\b|commitments?\b|guarantees?\b|ziel\w*|soll\w*|zusage|objectifs?\b|engagement|"
    r"objetivos?\b|compromiso"
)
"""Matches the header of a column of availabilities without a percent sign."""

UPTIME_FIGURE = any_of(
    r"up(?:[- ]?time)?\s*(?:of|for|:)?\s*$|(?:available|online|operational|running) (?:for )?$",
)

_ROUGH = r"(?:about |around |roughly |approximately |~ ?)?"
ABOUT = any_of(
    r"~|≈|about|approx(?:imately)?\.?|around|roughly|circa|ca\.?|some|almost|nearly|close to|"
    r"(?:just|slightly|a little) (?:over|under)|etwa|rund|ungef[äa]hr|environ|unos|aproximadamente|zirka|"
    r"knapp|gut|fast|circa|presque|à peu près|casi|apenas|unas|à environ|quelque|alrededor de|cerca de",
    end=r"\s*$",
)
BELOW = any_of(
    r"less than|(?<!just )(?<!slightly )(?<!little )under|below|fewer than|"
    r"(?:at|no|not) mo(?:re|st)(?: than)?|up to|a maximum of|maximum|max\.?|no longer than|weniger als|"
    r"h[öo]chstens|moins de|menos de|<=?|≤|maximal|bis zu|unter|nicht mehr als|nicht länger als|au plus|"
    r"au maximum|maximum de|jusqu['’]à|pas plus de|como m[áa]ximo|un m[áa]ximo de|m[áa]ximo de|m[áa]ximo|"
    r"hasta|no m[áa]s de",
    end=rf"\s*(?:of )?{_ROUGH}$",
)
ABOVE = any_of(
    r"more than|(?<!just )(?<!slightly )(?<!little )over|above|at least|exceeding|exceeds|greater than|"
    r"longer than|mehr als|plus de|m[áa]s de|>=?|≥|mindestens|au moins|al menos|por lo menos|über",
    end=rf"\s*{_ROUGH}$",
)
THRESHOLD = any_of(
    r"<=?|≤|less than|lower than|below|under|beneath|drops? to|falls? to|short of|unter(?:halb von)?|"
    r"weniger als|kleiner als|niedriger als|moins de|inf[ée]rieure?s? [àa]|en dessous de|sous|"
    r"au-dessous de|menos del?|por debajo del?|inferior(?:es)? al?|menor(?:es)? del?",
    end=r"\s*(?:the |der |den |die |les |el )?$",
)
"""Matches the words before a percentage that is an upper limit, which allows no downtime figure."""
