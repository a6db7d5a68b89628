"""Words that may stand between a duration and its period, or between a duration and its availability. Data only."""

from __future__ import annotations

# "monthly downtime of about 43 min", "pro Jahr höchstens 8,76 Stunden"
_BEFORE = {
    "en": "of is are to be about only just max maximum total allow allows allowed permit permits permitted downtime"
    " down time outage outages unavailable unavailability roughly around approx approximately under less than no more"
    " up at most nearly almost error budget limit the a for would can exceed not should potential expected equal equals"
    " that you have get leaves means over",
    "de": "höchstens maximal rund etwa ca ungefähr nur noch nicht mehr als bis zu weniger unter knapp gut darf dürfen"
    " sind das ist die der ausfall ausfallzeit ausfälle nichtverfügbarkeit beträgt betragen bedeutet bedeuten sich"
    " mit von einer eine zulässig zulässige entspricht entsprechen",
    "fr": "au maximum plus environ près de moins soit de la le une un interruption indisponibilité arrêt est cela"
    " représente correspond à jusqu",
    "es": "como máximo un de unos unas hasta menos el la una tiempo inactividad interrupción son es equivale a"
    " equivalen",
}
# "8.76 hours of allowed downtime a year", "43 Minuten Ausfall pro Monat"
_AFTER = {
    "en": "of allowed allowable total max maximum unplanned permitted downtime down time outage outages unavailable or"
    " less so unavailability service unscheduled cumulative acceptable potential possible can occur be may is being"
    " offline",
    "de": "ausfall ausfallzeit ausfälle ausfallzeiten nichtverfügbarkeit stillstand nicht verfügbar oder weniger"
    " unterbrechung unterbrechungen ungeplante ungeplanter zulässige zulässiger maximal höchstens",
    "fr": "arrêt arrêts d de hors ligne service indisponibilité interruption interruptions coupure coupures panne au"
    " plus maximum ou moins non planifiée non-disponibilité",
    "es": "de inactividad interrupción interrupciones caída caídas parada indisponibilidad fuera servicio como máximo o"
    " menos no planificada",
}
BEFORE_WORDS = frozenset(word for words in _BEFORE.values() for word in words.split())
AFTER_WORDS = frozenset(word for words in _AFTER.values() for word in words.split())
# "8.76 hours of downtime a year at 99.9 %", "52 Minuten im Jahr bei 99,99 %"
_LINK = {
    "en": "at for with is are equals means mean gives give of an the availability uptime sla level that as"
    " corresponds to",
    "de": "bei für mit ist sind entspricht entsprechen bedeuten bedeutet einer eine der die verfügbarkeit das",
    "fr": "à pour avec est sont correspond correspondent une la disponibilité de soit",
    "es": "con para es son equivale equivalen corresponde una la disponibilidad del al de",
}
LINK_WORDS = frozenset(word for words in _LINK.values() for word in words.split())
