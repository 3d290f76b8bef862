"""What a department promises about one table: its fields, their grades, what may become of them, and the rules rows must obey.

Pure types. ``contract_rules`` says which contracts are acceptable, ``contract_files`` reads them from ODCS documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from catalog import canonical_json

DataClass = Literal["synthetic", "public", "real"]
ConsentClass = Literal["public", "enterprise", "personal"]
FieldType = Literal["string", "integer", "decimal", "number", "date", "timestamp", "boolean"]
IdentifierClass = Literal["direct", "quasi", "none"]
Method = Literal["pseudonym", "drop", "keep", "truncate_date", "band", "round_significant", "top_code", "generalise"]
Metric = Literal["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"]
Must = Literal[
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
]
Operator = Literal["<", "<=", "==", "!=", ">=", ">"]
Unit = Literal["rows", "percent"]
Severity = Literal["error", "warning"]
Dimension = Literal["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"]
Scalar = str | int | float | bool

DATA_CLASSES: tuple[str, ...] = get_args(DataClass)
CONSENT_CLASSES: tuple[str, ...] = get_args(ConsentClass)
IDENTIFIER_CLASSES: tuple[str, ...] = get_args(IdentifierClass)
METHODS: tuple[str, ...] = get_args(Method)
MUSTS: tuple[str, ...] = get_args(Must)
OPERATORS: tuple[str, ...] = get_args(Operator)
NUMERIC: frozenset[str] = frozenset({"integer", "decimal", "number"})
TEMPORAL: frozenset[str] = frozenset({"date", "timestamp"})
RESERVED = frozenset({"topic_id", "event_at", "available_at", "row", "row_id", "label", "observation_month", "partition"})


@dataclass(frozen=True, slots=True)
class SubjectRule:
    """Which field identifies the subject, in which domain its pseudonyms live, and the check its values satisfy.

    ``rule`` is a name of ``identifier_rules`` or ``pattern:<expression>``. Two tables join when their domains are equal.
    """

    field: str
    domain: str
    rule: str


@dataclass(frozen=True, slots=True)
class Availability:
    """When the platform could know a row: ``field`` (a column says), ``lag`` (whole days after the event) or ``received`` (at intake)."""

    kind: Literal["field", "lag", "received"]
    field: str | None = None
    lag_days: int | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What becomes of a field before publication.

    pseudonym {domain?} · drop · keep · truncate_date {unit: month|year} · band {edges: ascending; published: how many edges < value}
    · round_significant {digits} · top_code {value} · generalise {digits: leading characters kept}.
    """

    method: Method
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many offending rows (or what percentage of rows) a rule tolerates; ``high`` only for the two between-forms."""

    must: Must
    low: float
    high: float | None = None

    def holds(self, amount: float) -> bool:
        """Whether ``amount`` (rows or percent) is acceptable. Both ends of a between are inside."""
        high = self.low if self.high is None else self.high
        return {
            "mustBe": amount == self.low,
            "mustNotBe": amount != self.low,
            "mustBeGreaterThan": amount > self.low,
            "mustBeGreaterOrEqualTo": amount >= self.low,
            "mustBeLessThan": amount < self.low,
            "mustBeLessOrEqualTo": amount <= self.low,
            "mustBeBetween": self.low <= amount <= high,
            "mustNotBeBetween": not self.low <= amount <= high,
        }[self.must]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``, right being a field or a literal. A row with a null on either side passes."""

    left: str
    operator: Operator
    right_field: str | None = None
    right_value: Scalar | None = None


@dataclass(frozen=True, slots=True)
class QualityRule:
    """One rule. A row offends when: nullValues: null; missingValues: null or one of ``missing``; invalidValues: not null and outside
    ``valid``, ``pattern`` (whole value), ``minimum``/``maximum`` (inclusive) or ``check``; duplicateValues: it repeats an earlier row's
    ``fields``; comparison: it breaks it. rowCount counts all rows and offends none. Null passes every rule but the first two.

    Severity error: offending rows are quarantined (rowCount: the batch is refused). Warning: reported only.
    """

    name: str
    metric: Metric | None  # None: a comparison
    threshold: Threshold
    unit: Unit
    dimension: Dimension
    severity: Severity
    field: str | None = None  # None: a rule of the whole table
    fields: tuple[str, ...] = ()
    valid: tuple[Scalar, ...] = ()
    missing: tuple[str, ...] = ()
    pattern: str | None = None
    minimum: int | float | str | None = None  # text (ISO) for dates
    maximum: int | float | str | None = None
    check: str | None = None  # a name of ``identifier_rules``; values are normalised first
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class FieldContract:
    """One column: as it comes, how sensitive it is, and what becomes of it."""

    name: str
    source_name: str
    title_zh: str
    title_en: str
    type: FieldType
    required: bool
    grade: int  # 1 (public) – 5 (important data), JR/T 0197-2020
    identifier: IdentifierClass
    identifier_kind: str
    recipe: Recipe
    known_after_outcome: str | None = None  # the reason, when the value is only known after what a model would predict
    never_granted: bool = False
    date_formats: tuple[str, ...] = ()
    null_tokens: tuple[str, ...] = ("",)
    allowed_values: tuple[Scalar, ...] = ()  # from the field's invalidValues rules
    precision: int | None = None  # decimal only
    scale: int | None = None

    @property
    def published_type(self) -> FieldType | None:
        """Its type in the topic database; None when dropped."""
        changed: dict[Method, FieldType | None] = {
            "drop": None,
            "pseudonym": "string",
            "truncate_date": "date",
            "band": "integer",
            "round_significant": "number",
            "top_code": "number",
            "generalise": "string",
        }
        return changed.get(self.recipe.method, self.type)


@dataclass(frozen=True, slots=True)
class DatasetContract:
    """The contract of one table."""

    name: str
    version: str
    department: str
    title_zh: str
    title_en: str
    data_class: DataClass
    consent_class: ConsentClass
    subject: SubjectRule
    event_at: str
    availability: Availability
    keys: tuple[str, ...]
    fields: tuple[FieldContract, ...]
    rules: tuple[QualityRule, ...]
    retention_days: int
    register: bool = False

    @property
    def grade(self) -> int:
        return max((f.grade for f in self.fields), default=1)

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields if f.identifier == "quasi")

    @property
    def published(self) -> tuple[FieldContract, ...]:
        """Fields the topic database holds beside topic_id, event_at and available_at."""
        return tuple(f for f in self.fields if f.published_type is not None and f.name != self.subject.field)

    def find(self, name: str) -> FieldContract | None:
        return next((f for f in self.fields if f.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        found: dict[str, Any] = canonical_json.loads(canonical_json.dumps(asdict(self)))
        return found


def contract_hash(contract: DatasetContract) -> str:
    """SHA-256 of the contract's meaning (comments, order of keys and layout of its file do not count), lower-case hex."""
    return canonical_json.sha256_hex(asdict(contract))
