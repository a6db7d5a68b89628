"""Words that indicate durations and percentages other than allowed downtime. Data only.

A false alarm is worse than a missed mistake, so a duration next to one of these words is skipped, or its mismatch is
reported as unclear. Each pattern has words in English, German, French and Spanish.
"""

from __future__ import annotations

import re

from sla.claims.vocabulary import any_of

_OTHER_TIMES = {
    "en": (
        r"respon\w+|latency|rtos?|rpos?|recover\w*|restor\w+|retention|retained?|notices?|notif\w+|"
        r"credit\w*|refund\w*|intervals?|time-?outs?|resol\w+|within|backups?|maintenance|poll\w*|"
        r"scrap\w+|ttl|percentile|mttr|mtbf|mttd|detect\w*|acknowledg\w+|support|check\w*|probe\w*|"
        r"sampl\w+|delay\w*|load\w*|fail-?over"
    ),
    "de": (
        r"reaktion\w*|antwort\w*|wiederherstell\w*|wiederanlauf\w*|entst[öo]r\w*|behebung\w*|"
        r"l[öo]sungszeit\w*|wartung\w*|gutschrift\w*|frist\w*|innerhalb|binnen|k[üu]ndig\w*|aufbewahr\w*|"
        r"sicherung\w*|intervall\w*|messintervall\w*|messperiode|spätestens|vertragsstrafe\w*|pönale\w*|"
        r"zusammenh[äa]ngend\w*|am st[üu]ck|einzeln\w*|l[äa]ngst\w*"
    ),
    "fr": (
        r"d[ée]lais?|intervention\w*|r[ée]tabliss\w*|r[ée]solution\w*|r[ée]ponse\w*|gti|gtr|maintenance|"
        r"pr[ée]avis|p[ée]nalit[ée]s?|avoirs?|remise\w*|sauvegarde\w*|conservation|prise en charge|"
        r"tranche\w*|cons[ée]cuti\w+|intervalle\w*|sous \d*|dans un d[ée]lai"
    ),
    "es": (
        r"respuesta|resoluci[óo]n|recuperaci[óo]n|restablec\w+|mantenimiento|plazos?|preaviso|penaliz\w+|"
        r"abon\w+|cr[ée]ditos?|copias?|retenci[óo]n|consecutiv\w+|intervalos?|notific\w+"
    ),
}
NOT_DOWNTIME_BEFORE = any_of(
    *_OTHER_TIMES.values(),
    r"every|each|p\d\d|last|past|previous|next|first|after|window of|look-?back|cache\w*|wait|"
    r"measured (?:over|every)|complete\w* in|served? in|save\w*|lasting|lasted|nach|letzten?|après|"
    r"derniers?|dernières?|después de|[úu]ltim[oa]s|alle|toutes les",
    end=r"\W*(?:\w+\W+){0,2}$",
)
"""Matches the words directly before a duration."""

NOT_DOWNTIME_AFTER = any_of(
    r"response|latency|ago|old|notice|credit\w*|refund\w*|retention|rto|rpo|interval\w*|time-?out|"
    r"maintenance|recovery|restore|resolution|window|rolling|moving|prior|in advance|granularity|checks?|"
    r"before|after|support|free|of (?:free|service|support|data|history|logs|onboarding)|up\b|up[- ]?time|"
    r"available|online|operational|running|of (?:up[- ]?time|operation|availability)|vor(?:her)?|zuvor|"
    r"wartung\w*|verf[üu]gbar\w*|betrieb\w*|k[üu]ndigungs\w+|reaktions\w+|avant|après|de maintenance|"
    r"de disponibilit[ée]|de (?:service|fonctionnement)|ouvr[ée]e?s|antes|después|"
    r"de (?:mantenimiento|disponibilidad|servicio|funcionamiento)|h[áa]biles|laborables",
    end=r"\b",
)
"""Matches the first 2 words after a duration."""

NOT_AVAILABILITY_AFTER = re.compile(
    r"\W{0,2}(?:percentile|confidence|accura\w+|durab\w+|cpu|ram|memory|disk|load|utili[sz]\w+|usage|full|discount"
    r"|credit\w*|refund\w*|coverage|humidity|battery|off\b|capacity|quantile|success|hit|cache|ci\b|packet"
    r"|gutschrift\w*|rabatt|auslast\w+|der\s+(?:anfragen|f[äa]lle|tickets|anrufe)|des\s+(?:cas|appels|demandes|tickets)"
    r"|de\s+(?:los|las)\s+(?!veces|horas)|de\s+(?:cr[ée]dito|descuento|remise)"
    r"|of\s+(?!(?:the|a|any|each|every|all|their|its|our)?\s*(?:time|year|month|day|week|quarter|service|availab"
    r"|up-?time|nines|hours|minutes|seconds|8,?760|365)))",
    re.IGNORECASE,
)
NOT_AVAILABILITY_BEFORE = any_of(
    r"cpu|ram|memory|disk|load|utili[sz]ation|usage|percentile|confidence|humidity|battery|durability|"
    r"accuracy|coverage|capacity|threshold|quantile|credit|discount|packet loss|success rate|hit rate",
    end=r"\W*(?:\w+\W+){0,2}$",
)

NOT_DOWNTIME_COLUMN = any_of(
    *_OTHER_TIMES.values(),
    r"rto\b|rpo\b|compensation|added|price|cost|fee|penalt\w+|window|deploy\w*|burn|cadence|frequency|"
    r"hours of|lead time|age\b|rank|weight|longest|shortest|average|mean\b|median|incidents?|events?\b|"
    r"number\b|count\b|measured|actual\b|achieved|observed|recorded|met\b|per incident|single|consecutive|"
    r"planned|scheduled|anzahl|preis\w*|kosten|ist\b|gemessen\w*|tats[äa]chlich\w*|erreicht\w*|geplant\w*|"
    r"\w+-(?:hours|days|minutes)|(?:man|user|server|person)[- ]?(?:hours|days)|users?\b|fleet|"
    r"person\w*(?:stunden|tage)|heures-\w+|horas-\w+|nombre\b|prix|co[ûu]t\w*|constat[ée]\w*|mesur[ée]\w*|r[ée]el\w*|"
    r"plus longue?|moyen\w*|n[úu]mero|"
    r"precio|coste?|medid[oa]|real\b|m[áa]s larga|medi[oa]\b|planificad\w*",
)

# Words for measured downtime or a missed target: the figure need not equal the allowed downtime.
_RECORDS = {
    "en": (
        # not the German "was rechnerisch 43 Minuten ergibt"
        r"was(?!\s+(?:\w+\s+)?(?:rechnerisch|etwa|rund|ca\b|einer?\b|bedeutet|heißt|entspr|maximal|höchst|nur))|"
        r"were|had|has been|have been|achieved|recorded|experienced|actual(?:ly)?|incident|lasted|"
        r"lasting|last (?:year|month|quarter|week)|breach\w*|violat\w+|exceed\w*|drops?|falls?|fell|below|"
        r"missed|instead of|rather than|suffered|observed|planned|scheduled|exclud\w+|maintenance|"
        r"(?:not|never|\w+n['’]t) (?:\w+ ){0,2}(?:met|reached|achieved|kept|fulfilled|maintained)|"
        r"fail(?:s|ed|ing)?(?: to)?|"
        r"miss(?:es|ing)?|unmet|reported|went|could not|did|so far|disregard\w*|not count(?:ed)?|ignored|"
        r"shorter than"
    ),
    "de": (
        r"war|waren|wurden?|hatten?|betrug(?:en)?|gemessen|unterschr\w+|überschr\w+|verfehl\w*|"
        r"nicht (?:\w+ ){0,2}(?:erreicht|eingehalten|erf[üu]llt|gehalten)|tats[äa]chlich\w*|vorfall\w*|"
        r"vertragsstrafe\w*|geplant\w*|wartung\w*|ausgenommen|sinkt|fällt|lag(?:en)?|erreichten?|"
        r"dauerten?|gutschrift\w*|letzte[nsrm]? (?:jahr|monat|quartal|woche)|außer|zuzüglich|"
        r"unber[üu]cksichtigt|nicht (?:gez[äa]hlt|gewertet|ber[üu]cksichtigt|mitgez[äa]hlt)|k[üu]rzer als"
    ),
    "fr": (
        r"était|étaient|a été|ont été|avait|a atteint|a duré|constat[ée]\w*|mesur[ée]\w*|"
        r"non[- ](?:atteint\w*|respect\w*|tenu\w*)|n['’](?:a|ont|est|était|a été)(?: \w+)? pas|d[ée]pass\w*|"
        r"p[ée]nalit[ée]\w*|incident|maintenance|programm[ée]\w*|hors\b(?! service| ligne)|en dessous|"
        r"inf[ée]rieur\w*|manqué\w*|au-del[àa]|ne (?:sont|compt)\w*|plus courtes? que"
    ),
    "es": (
        r"fue|fueron|era|estuvo|estuvieron|hubo|alcanz[óo]|duró|medid[oa]s?|incumpl\w+|"
        r"no (?:se )?(?:han? |pudo |fue )?(?:alcanz\w+|cumpl\w+|lleg\w+)|"
        r"penaliz\w+|incidente|mantenimiento|programad[oa]s?|"
        r"por debajo|inferior\w*|super(?:a|ó|en|ar)\b|exced\w+|excluid\w+|registr\w+|"
        r"no (?:se )?(?:cuentan|computan|tienen en cuenta)"
    ),
}
_DENIALS = (
    r"mistake\w*|mistaken\w*|misconception\w*|myth|wrong(?:ly)?|incorrect\w*|confuse\w*|misread\w*|irrt\w*|irrig\w*|"
    r"f[äa]lschlich\w*|falsch\w*|verwechsel\w*|à tort|par erreur|erreur courante|faux|fausse\w*|equivocad\w*|"
    r"err[óo]ne\w*|por error|mito"
)
MEASURED = any_of(*_RECORDS.values(), _DENIALS, end=r"\b")
"""Matches words for measured or excluded downtime, missed targets, and figures that the page calls a mistake."""

RECORD_HEADING = any_of(
    r"reports?\b|histor(?:y|ical)|incidents?|actual\b|measured|achieved|statistics|results?\b|"
    r"monats?bericht\w*|jahresbericht\w*|bericht\w*|st[öo]rungen|ist-?werte|auswertung\w*|rapports?\b|"
    r"bilan|constat\w*|historique|informes?\b|resultados?|historial|incidentes|(?:19|20)\d\d\b",
)
"""Matches a heading above measured downtime, which is not the allowed downtime."""

NOT_MET = any_of(
    r"(?:not|never) (?:met|reached|achieved|kept)|met|missed|failed|passed|breach\w*|ok|yes|no|"
    r"nicht (?:erreicht|eingehalten|erf[üu]llt)|erreicht|eingehalten|erf[üu]llt|verfehlt|ja|nein|"
    r"non[- ](?:atteint|respect[ée]|tenu)e?|atteinte?|respect[ée]e?|tenue?|oui|non|"
    r"no (?:alcanzado|cumplido)|(?:in)?cumplid[oa]|cumple|alcanzad[oa]|sí|[✓✔✗✘✅❌]",
    end=r"\W*$",
)
"""Matches a cell that states whether a target was met, so the figures of its row are measured."""

SERVICE_HOURS = any_of(
    r"(?:business|working|office|service|core|support|opening) (?:hours|days)|"
    r"(?:8|9|10|11|12|13|14|16) ?[x×/] ?[5-7]\b|9[- ]to[- ]5|24 ?[x×/] ?[56]\b|"
    r"mon(?:day)?s? ?(?:to|-|–|through) ?(?:fri|sat)|weekdays|"
    r"(?:service|betriebs|gesch[äa]fts|b[üu]ro|kern|öffnungs|arbeits)(?:zeit|stunden|tag)\w*|werktag\w*|"
    r"mo\.? ?[-–] ?fr|montags? bis (?:freitag|samstag)s?|(?:heures|jours|plages?) (?:ouvr|de service)\w*|"
    r"\d{1,2} ?h(?:\d\d)? ?[-–à] ?\d{1,2} ?h|[56] ?j(?:ours)? ?(?:/|sur) ?7|"
    r"\d+ (?:\w+ )?(?:days|tagen?|jours|d[íi]as) (?:of|à|zu(?: je)?|mit|de) \d+|"
    r"(?:banking|trading|peak) (?:hours|days)|du lundi au|"
    r"(?:horas|d[íi]as) (?:h[áa]biles|laborables)|horario|de lunes a",
)
