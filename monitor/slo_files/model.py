"""The objects of OpenSLO v1.

They follow the specification (github.com/OpenSLO/OpenSLO, README, "Object Types"). Unknown keys are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from monitor.config.base import Model
from monitor.config.values import problem_at
from monitor.slo_files.values import Flag, Label, Name, Number, SliceDuration, Text, WindowDuration

API_VERSION = "openslo/v1"
MAX_DESCRIPTION = 1050  # characters


class Document(Model):
    """A block of an OpenSLO file. YAML is parsed like by Go's YAML parser."""

    go_yaml: ClassVar[bool] = True


class Metadata(Document):
    """Name and labels of an object."""

    name: Name
    display_name: Text | None = Field(None, alias="displayName")
    labels: dict[str, Label] = Field(default_factory=dict)
    annotations: dict[str, Text] = Field(default_factory=dict)


class MetricSource(Document):
    """The source of a metric. The keys of `spec` depend on the type of the source: `query` for Prometheus."""

    ref: Name | None = Field(None, alias="metricSourceRef")
    type: Text | None = None
    spec: dict[str, Any] = Field(min_length=1)


class Metric(Document):
    """One metric."""

    source: MetricSource = Field(alias="metricSource")


class RatioMetric(Document):
    """The metrics of good (or bad) and of all events, or a metric that is a ratio."""

    counter: Flag = False
    good: Metric | None = None
    bad: Metric | None = None
    total: Metric | None = None
    raw: Metric | None = None
    raw_type: Literal["success", "failure"] | None = Field(None, alias="rawType")

    @model_validator(mode="after")
    def _has_required_metrics(self) -> RatioMetric:
        if self.raw is not None:
            if self.good or self.bad or self.total:
                raise problem_at("raw", "cannot be used together with good, bad or total; remove one of them")
            if self.raw_type is None:
                raise problem_at("rawType", "is required with raw; use success or failure")
            return self
        if self.total is None:
            raise problem_at("total", "is required, unless raw is used")
        if (self.good is None) == (self.bad is None):
            raise problem_at("good", "exactly one of good and bad is required with total")
        return self


class IndicatorSpec(Document):
    """A ratio, or a metric that is compared with the value of an objective."""

    description: Text | None = None
    threshold: Metric | None = Field(None, alias="thresholdMetric")
    ratio: RatioMetric | None = Field(None, alias="ratioMetric")

    @model_validator(mode="after")
    def _has_one_metric(self) -> IndicatorSpec:
        if (self.threshold is None) == (self.ratio is None):
            raise problem_at("ratioMetric", "exactly one of ratioMetric and thresholdMetric is required")
        return self


class Indicator(Document):
    """An indicator inside an SLO."""

    metadata: Metadata
    spec: IndicatorSpec


class Calendar(Document):
    """Start and time zone of calendar-aligned windows."""

    start: Text = Field(alias="startTime")
    time_zone: Text = Field(alias="timeZone")


class TimeWindow(Document):
    """The window of the objectives."""

    duration: WindowDuration
    is_rolling: Flag | None = Field(None, alias="isRolling")
    calendar: Calendar | None = None

    @model_validator(mode="after")
    def _is_rolling_or_calendar(self) -> TimeWindow:
        if self.is_rolling and self.calendar is not None:
            raise problem_at("calendar", "cannot be set if isRolling is true; remove one of them")
        if not self.is_rolling and self.calendar is None:
            raise problem_at("isRolling", "use isRolling: true, or a calendar with startTime and timeZone")
        return self


class Target(Document):
    """One objective of an SLO."""

    display_name: Text | None = Field(None, alias="displayName")
    op: Literal["lte", "gte", "lt", "gt"] | None = None
    value: Number | None = None
    target: Number | None = None
    target_percent: Number | None = Field(None, alias="targetPercent")
    slice_target: Number | None = Field(None, alias="timeSliceTarget")
    slice_window: SliceDuration | None = Field(None, alias="timeSliceWindow")
    indicator: Any = None
    indicator_ref: Any = Field(None, alias="indicatorRef")
    composite_weight: Any = Field(None, alias="compositeWeight")

    @model_validator(mode="after")
    def _is_supported(self) -> Target:
        for key, value in (("indicator", self.indicator), ("indicatorRef", self.indicator_ref)):
            if value is not None:
                raise problem_at(key, "composite SLOs are not supported; use one SLO per indicator")
        if (self.target is None) == (self.target_percent is None):
            raise problem_at("target", "exactly one of target (0.999) and targetPercent (99.9) is required")
        key = "targetPercent" if self.target is None else "target"
        if not 0 < self.ratio < 1:
            raise problem_at(key, "must be above 0 and below 1 (100 %), like every objective of ninewatch")
        if self.slice_target is not None and not 0 < self.slice_target <= 1:
            raise problem_at("timeSliceTarget", "must be above 0 and at most 1")
        return self

    @property
    def ratio(self) -> Fraction:
        """The target as a ratio."""
        return self.target if self.target is not None else (self.target_percent or Fraction(0)) / 100


class ObjectiveSpec(Document):
    """The `spec` of an SLO."""

    description: Annotated[Text, Field(max_length=MAX_DESCRIPTION)] | None = None
    service: Text
    indicator: Indicator | None = None
    indicator_ref: Name | None = Field(None, alias="indicatorRef")
    time_window: tuple[TimeWindow, ...] = Field((), alias="timeWindow")
    method: Literal["Occurrences", "Timeslices", "RatioTimeslices"] = Field(alias="budgetingMethod")
    objectives: tuple[Target, ...] = Field(min_length=1)
    alert_policies: tuple[Any, ...] = Field((), alias="alertPolicies")

    @model_validator(mode="after")
    def _is_supported(self) -> ObjectiveSpec:
        if (self.indicator is None) == (self.indicator_ref is None):
            raise problem_at("indicator", "exactly one of indicator and indicatorRef is required")
        if len(self.time_window) > 1:
            raise problem_at("timeWindow", "must have exactly one item")
        if self.method == "RatioTimeslices":
            raise problem_at(
                "budgetingMethod",
                "RatioTimeslices is not supported, because a check is either up or down; use Timeslices "
                "with a timeSliceTarget, or Occurrences",
            )
        return self


class ObjectiveObject(Document):
    """An SLO."""

    api_version: Literal["openslo/v1"] = Field(alias="apiVersion")
    kind: Literal["SLO"]
    metadata: Metadata
    spec: ObjectiveSpec


class IndicatorObject(Document):
    """An SLI."""

    api_version: Literal["openslo/v1"] = Field(alias="apiVersion")
    kind: Literal["SLI"]
    metadata: Metadata
    spec: IndicatorSpec


class DataSourceSpec(Document):
    """Type and connection of a data source."""

    description: Text | None = None
    type: Text
    connection: Mapping[str, Any] = Field(default_factory=dict, alias="connectionDetails")


class DataSourceObject(Document):
    """A data source."""

    api_version: Literal["openslo/v1"] = Field(alias="apiVersion")
    kind: Literal["DataSource"]
    metadata: Metadata
    spec: DataSourceSpec


class OtherObject(Document):
    """An object that is not imported."""

    api_version: Literal["openslo/v1"] = Field(alias="apiVersion")
    kind: Literal["Service", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"]
    metadata: Metadata
    spec: Any = None


KINDS: Mapping[str, type[Document]] = {
    "SLO": ObjectiveObject,
    "SLI": IndicatorObject,
    "DataSource": DataSourceObject,
    **dict.fromkeys(("Service", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"), OtherObject),
}
