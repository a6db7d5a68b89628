"""The words people write durations, periods and availability in. Data only: the readers beside it loop over these.

Spellings are English, German, French, Spanish and Chinese, because the tables of nines that circulate are in these.
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
    "days": (DAY, r"days?\(s\)|days?|tagen?|jours?|d[ií]as?|d|天"),
    "weeks": (7 * DAY, r"weeks?|wks?|wochen?|semaines?|semanas?|w|周"),
}
"""Unit -> its length in seconds, and how it is spelled. Months and years are periods, never a downtime."""

_COUNTED = "one two three four five six seven eight nine ten eleven twelve"
NUMBER_WORDS = {"half an": Fraction(1, 2), "half a": Fraction(1, 2), "an": Fraction(1), "a": Fraction(1)} | {
    word: Fraction(value) for value, word in enumerate(_COUNTED.split(), 1)
}

PERIOD_NOUNS = {
    "hour": r"hour|stunde|heure|hora",
    "day": r"day|24 ?h(?:ours)?|tag|jour|d[ií]a",
    "week": r"week|wk|woche|semaine|semana",
    "month": r"month|mo|mth|monat|mois|mes",
    "quarter": r"quarter|qtr|quartal|trimestre",
    "year": r"year|yr|annum|12 months|jahr|ann[ée]e|an|a[ñn]o",
}
"""What follows a `per`."""

PERIOD_ADJECTIVES = {
    "hour": r"hourly",
    "day": r"daily|t[äa]glich\w*",
    "week": r"weekly|w[öo]chentlich\w*",
    "month": r"monthly|monatlich\w*|mensuel\w*|mensual\w*",
    "quarter": r"quarterly",
    "year": r"yearly|annual|annually|j[äa]hrlich\w*|annuel\w*|anual\w*",
}
PERIOD_IDEOGRAMS = {"year": "年", "month": "月", "week": "周", "day": "日|天"}


def _any(*spellings: str, end: str = "") -> re.Pattern[str]:
    """Return a pattern that finds any of the spellings at the start of a word, with `end` after it."""
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(spellings)}){end}", re.IGNORECASE)


DOWNTIME = _any(
    *(r"down[- ]?time", r"outages?", r"unavailab\w+", r"down\b", r"error budgets?", r"interruption", r"offline"),
    *(r"ausfall\w*", r"nicht verf[üu]gbar", r"indisponib\w+", r"arr[êe]t", r"inactividad", "停机", "宕机", "不可用"),
)
AVAILABILITY = _any(
    *(r"availab\w*", r"up[- ]?time", r"nines?\b", r"9s\b", r"slas?\b", r"slos?\b", r"service[- ]levels?", r"reliab\w+"),
    *(r"verf[üu]gbar\w*", r"disponib\w+", "可用"),
)
UPTIME_FIGURE = _any(r"up(?:[- ]?time)?\s*(?:of|for|:)?\s*$", r"(?:available|online|operational|running) (?:for )?$")

# A duration beside one of these is not the downtime that an availability allows. False alarms are worse than misses.
NOT_DOWNTIME_BEFORE = _any(
    *(r"respon\w+", "latency", "rtos?", "rpos?", r"recover\w*", r"restor\w+", "retention", "retained?", "notices?"),
    *(r"notif\w+", "credits?", "credited", r"refund\w*", "intervals?", "every", "each", "time-?outs?", r"resol\w+"),
    *("within", "backups?", "maintenance", r"poll\w*", r"scrap\w+", "ttl", r"p\d\d", "percentile", "mttr", "mtbf"),
    *("mttd", r"detect\w*", r"acknowledg\w+", "last", "past", "previous", "next", "first", "after", "window of"),
    *("look-?back", "support", r"cache\w*", "wait", r"measured (?:over|every)", r"check\w*(?: every)?", r"probe\w*"),
    *(
        r"sampl\w+",
        r"delay\w*",
        r"load\w*",
        r"complete\w* in",
        r"fail-?over",
        "served? in",
        r"save\w*",
        "lasting",
        "lasted",
    ),
    end=r"\W*(?:\w+\W+){0,2}$",
)
NOT_DOWNTIME_AFTER = _any(
    *("response", "latency", "ago", "old", "notice", r"credit\w*", r"refund\w*", "retention", "rto", "rpo"),
    *(r"interval\w*", "time-?out", "maintenance", "recovery", "restore", "resolution", "window", "rolling", "moving"),
    *("prior", "in advance", "granularity", "checks?", "before", "after", "support", "free"),
    *(r"of (?:free|service|support|data|history|logs|onboarding)",),
    end=r"\b",
)
"""Found in the first two words behind the duration."""

NOT_AVAILABILITY_AFTER = re.compile(
    r"\W{0,2}(?:percentile|confidence|accura\w+|durab\w+|cpu|ram|memory|disk|load|utili[sz]\w+|usage|full|discount"
    r"|credit\w*|refund\w*|coverage|humidity|battery|off\b|capacity|quantile|success|hit|cache|ci\b|packet"
    r"|of\s+(?!(?:the|a|any|each|every|all|their|its|our)?\s*(?:time|year|month|day|week|quarter|service|availab"
    r"|up-?time|nines|hours|minutes|seconds|8,?760|365)))",
    re.IGNORECASE,
)
NOT_AVAILABILITY_BEFORE = _any(
    *("cpu", "ram", "memory", "disk", "load", "utili[sz]ation", "usage", "percentile", "confidence", "humidity"),
    *("battery", "durability", "accuracy", "coverage", "capacity", "threshold", "quantile", "credit", "discount"),
    *("packet loss", "success rate", "hit rate"),
    end=r"\W*(?:\w+\W+){0,2}$",
)
NOT_DOWNTIME_COLUMN = _any(
    *(r"respon\w+", "latency", r"rto\b", r"rpo\b", "recovery", r"restor\w+", "retention", "notice", r"credit\w*"),
    *(r"refund\w*", "compensation", "added", "interval", "time-?out", "resolution", "backup", "maintenance", "mttr"),
    *(
        "mtbf",
        "support",
        "price",
        "cost",
        "fee",
        r"penalt\w+",
        "up[- ]?time",
        "window",
        r"deploy\w*",
        "burn",
        "cadence",
    ),
    *("frequency", "check", r"detect\w*", r"acknowledg\w*", "hours of", "lead time", r"age\b", "rank", "weight"),
    *("longest", "shortest", "average", r"mean\b", "median", "incidents?"),
)

# A record of what happened, or a sentence about breaking a promise: it need not equal the allowance.
MEASURED = _any(
    *("was", "were", "had", "has been", "have been", "achieved", "recorded", "experienced", "actual(?:ly)?"),
    *("incident", "lasted", "lasting", "last (?:year|month|quarter|week)", r"breach\w*", r"violat\w+", r"exceed\w*"),
    *("drops?", "falls?", "fell", "below", "missed", "instead of", "rather than", "suffered", "observed", "planned"),
    *("scheduled", r"exclud\w+", "maintenance"),
    end=r"\b",
)
SERVICE_HOURS = _any(
    r"(?:business|working|office|service|core) hours", r"(?:8|10|12) ?[x×] ?5\b", r"9[- ]to[- ]5", r"24 ?[x×] ?5\b"
)

_ROUGH = r"(?:about |around |roughly |approximately |~ ?)?"
ABOUT = _any(
    *("~", "≈", "about", r"approx(?:imately)?\.?", "around", "roughly", "circa", r"ca\.?", "some", "almost", "nearly"),
    *("close to", r"(?:just|slightly|a little) (?:over|under)", "etwa", "rund", "ungef[äa]hr", "environ", "unos"),
    *("aproximadamente",),
    end=r"\s*$",
)
BELOW = _any(
    *(
        "less than",
        r"(?<!just )(?<!slightly )(?<!little )under",
        "below",
        "fewer than",
        r"(?:at|no|not) mo(?:re|st)(?: than)?",
        "up to",
        "a maximum of",
    ),
    *("maximum", r"max\.?", "no longer than", "weniger als", "h[öo]chstens", "moins de", "menos de", "<=?", "≤"),
    end=rf"\s*(?:of )?{_ROUGH}$",
)
ABOVE = _any(
    *(
        "more than",
        r"(?<!just )(?<!slightly )(?<!little )over",
        "above",
        "at least",
        "exceeding",
        "exceeds",
        "greater than",
        "longer than",
        "mehr als",
    ),
    *("plus de", "m[áa]s de", ">=?", "≥"),
    end=rf"\s*{_ROUGH}$",
)
