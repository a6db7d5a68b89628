"""Words for periods, by language. Data only; `periods` builds its patterns from these words.

Other languages are not supported: a duration next to an unknown "per ..." is skipped.
"""

from __future__ import annotations

# Language -> period -> pattern of the singular noun after "per" or in a column's header
NOUNS: dict[str, dict[str, str]] = {
    "en": {
        "hour": "hour",
        "day": r"day|24 ?h(?:ours)?",
        "week": "week|wk",
        "month": "month|mo|mth",
        "quarter": "quarter|qtr",
        "half-year": "half[- ]year",
        "year": "year|yr|annum|12 months|12-month period",
    },
    "de": {
        "hour": "stunde",
        "day": r"(?:kalender)?tag(?:es)?",
        "week": "(?:kalender)?woche",
        "month": r"(?:kalender|abrechnungs|vertrags)?monat(?:s|es)?",
        "quarter": r"(?:kalender)?quartals?|vierteljahr(?:es)?",
        "half-year": r"halbjahr(?:es)?",
        "year": r"(?:kalender|vertrags|betriebs|geschäfts)?jahr(?:es|s)?|12 monate",
    },
    "fr": {
        "hour": "heure",
        "day": "jour",
        "week": "semaine|sem",
        "month": "mois",
        "quarter": "trimestre",
        "half-year": "semestre",
        # "an" is an English article too
        "year": r"(?<=par )an|(?<=['’])an|(?<=un )an|(?<=/)an|(?<=/ )an|(?<!.)an(?!.)|ann[ée]e",
    },
    "es": {
        "hour": "hora",
        "day": "d[ií]a",
        "week": "semana",
        "month": "mes",
        "quarter": "trimestre",
        "half-year": "semestre",
        "year": "a[ñn]o|12 meses",
    },
}

ADJECTIVES: dict[str, dict[str, str]] = {
    "en": {
        "hour": "hourly",
        "day": "daily",
        "week": "weekly",
        "month": "monthly",
        "quarter": "quarterly",
        "half-year": r"half[- ]yearly|semi-?annual(?:ly)?",
        "year": "yearly|annual(?:ly|ized|ised)?",
    },
    "de": {
        "hour": r"stündlich\w*",
        "day": r"(?:tag)?t[äa]glich\w*",
        "week": r"w[öo]chentlich\w*",
        "month": r"monatlich\w*",
        "quarter": r"quartalsweise|viertelj[äa]hrlich\w*",
        "half-year": r"halbj[äa]hrlich\w*",
        "year": r"j[äa]hrlich\w*",
    },
    "fr": {
        "day": r"journali[eè]r\w*|quotidien\w*",
        "week": r"hebdomadaire\w*",
        "month": r"mensuel\w*",
        "quarter": r"trimestriel\w*",
        "half-year": r"semestriel\w*",
        "year": r"annuel\w*",
    },
    "es": {
        "day": r"diari[oa]\w*",
        "week": r"semanal\w*",
        "month": r"mensual\w*",
        "quarter": r"trimestral\w*",
        "half-year": r"semestral\w*",
        "year": r"anual\w*",
    },
}

IDEOGRAMS = {"year": "年", "month": "月", "week": "周", "day": "日|天"}

# Units of counted periods: "in 3 years", "alle zwei Jahre", "sur 30 jours", with the abbreviations of short units.
COUNTED: dict[str, str] = {
    "hour": r"hours?|hrs?|h|stunden|std\.?|heures|horas",
    "day": r"days?|d|tagen?|jours|d[ií]as",
    "week": r"weeks?|w|wochen|semaines|semanas",
    "month": r"months?|monaten?|mois|meses",
    "quarter": r"quarters?|quartalen?|trimestres",
    "year": r"years?|yrs?|jahren?|ans|années|a[ñn]os",
}

# Words between a duration and its period. The period's noun follows directly or after an article. Words for a deadline
# or a length ("within", "for", "innerhalb", "pendant") are excluded, because they do not introduce a period.
LEADS = (
    *("per", "over", "in", "every", "each", "during", "a", "an", "any", "of", "across", "out of"),
    *("pro", "je", "jede[rns]?", "im", "am", "alle", "über", "auf", "aufs", "während", "übers"),
    *("par", "sur", "dans", "chaque", "tous les", "toutes les", "à"),
    *("por", "al", "cada", "en", "durante", "a la"),
)
ELIDED = r"(?:(?:sur|à|dans|de)\s+)?l['’]\s?"
ARTICLES = (
    *(
        "any",
        "the",
        "each",
        "one",
        "every",
        "an?",
        "single",
        "typical",
        "given",
        "calendar",
        "rolling",
        "whole",
        "full",
    ),
    *("standard", "average", "normal", "entire", "leap", "billing"),
    *("der", "die", "das", "dem", "den", "ein", "eine[rmns]?", "ganze[rnms]?", "gesamte[rnms]?"),
    *("un", "une", "le", "la", "les", "el", "los", "las", "una"),
)

# Words after which any count is a period ("every 45 days"); "over 3 days" may be the downtime itself.
CERTAIN_LEADS = r"(?:per|every|each|any|pro|je|alle|jede[rns]?|par|chaque|tou(?:te)?s les|por|cada)\b|/"

# Words that introduce an unknown period: "per shift", "pro Einsatz", "per maand", "por mês".
UNKNOWN_PERIOD_LEADS = (
    *("per", "pro", "par", "por", "je", "cada", "chaque", "every", "each", "al", "ao", "à", "om", "op", "på", "na"),
    *("pe", "pr", "w", "em", "ogni", "elke"),
)
