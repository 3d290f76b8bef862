"""Membership inference: can one tell, from the model's confidence in a row's true label, that the row was trained on?

Two attacks. Loss: members are scored more confidently (Yeom et al. 2018). Quantile: confidence above what a model of non-members expects
for such a row (Bertran et al. 2023). AUC of 0.5 is chance. Test rows stand in for non-members. A later, worse year must not be taken for
a leak: they are reweighted to the members' class mix, and what reference models already show is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from sandbox.airlock.checks.finding import Finding, block, passed, review

if TYPE_CHECKING:
    from sandbox.airlock.policies import Policy

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]

#: Rows per side, at most: enough for an AUC's standard error of 0.002.
MOST_ROWS = 20_000
#: Rows of each class per side, at least: below that an AUC says nothing, and nothing measured is a block.
FEWEST_PER_CLASS = 10
LOW_FPR = 0.01
_SOURCE = "measured; SACRO-ML 0.65"


class TooFewRows(ValueError):
    """A class has fewer than ``FEWEST_PER_CLASS`` rows in training or test."""


class Membership(TypedDict):
    """Evidence: attack AUCs in 0…1, rate of members found at 1 % false positives, rows used. Drift is taken out of all but
    ``drift_auc``, what the loss attack reaches on reference models that saw neither side.
    """

    loss_auc: float
    quantile_auc: float
    goods_auc: float
    bads_auc: float
    low_fpr_rate: float
    drift_auc: float
    members: int
    others: int


@dataclass(frozen=True, slots=True)
class _Attacks:
    loss: float
    quantile: float
    goods: float
    bads: float
    low_fpr: float


def measure(rows: Floats, labels: Labels, margins: Floats, reference: Floats, trains: NDArray[np.bool_]) -> Membership:
    """``rows`` (n, features), ``margins`` (n,) of the model under check, ``reference`` (n,) of models that never saw the row,
    ``trains`` (n,) True for members. Raises TooFewRows.
    """
    chosen = np.sort(np.concatenate([_sample(np.flatnonzero(trains)), _sample(np.flatnonzero(~trains))]))
    rows, labels, members = rows[chosen], labels[chosen], trains[chosen]
    for side in (members, ~members):
        if min(np.count_nonzero(labels[side] == 0), np.count_nonzero(labels[side] == 1)) < FEWEST_PER_CLASS:
            raise TooFewRows
    model = _attacks(rows, labels, margins[chosen], members)
    drift = _attacks(rows, labels, reference[chosen], members)
    return Membership(
        loss_auc=beyond(model.loss, drift.loss),
        quantile_auc=beyond(model.quantile, drift.quantile),
        goods_auc=beyond(model.goods, drift.goods),
        bads_auc=beyond(model.bads, drift.bads),
        low_fpr_rate=round(min(1.0, max(0.0, LOW_FPR + model.low_fpr - drift.low_fpr)), 4),
        drift_auc=drift.loss,
        members=int(members.sum()),
        others=int((~members).sum()),
    )


def judge(found: Membership, policy: Policy) -> list[Finding]:
    """Overall a block; per class a review, since honest models reach 0.8–1.0 on bads where bads are rare."""
    loss, quantile = found["loss_auc"], found["quantile_auc"]
    by_class = max(found["goods_auc"], found["bads_auc"])
    make_loss = block if loss > policy.membership_overall else passed
    make_quantile = block if quantile > policy.membership_quantile else passed
    make_class = review if by_class > policy.membership_class else passed
    make_low = review if found["low_fpr_rate"] > policy.low_fpr_rate else passed
    counts = {"members": found["members"], "others": found["others"], "drift": found["drift_auc"]}
    return [
        make_loss("membership", loss, policy.membership_overall, _SOURCE, **counts),
        make_quantile("membership_quantile", quantile, policy.membership_quantile, "measured"),
        make_class("membership_class", by_class, policy.membership_class, "measured", goods=found["goods_auc"], bads=found["bads_auc"]),
        make_low("membership_low_fpr", found["low_fpr_rate"], policy.low_fpr_rate, "Carlini et al. 2022", fpr=LOW_FPR),
    ]


def beyond(attack: float, drift: float) -> float:
    """An attack's AUC on the scale where ``drift``, what it reaches without members, is chance: 0.5 + (attack − drift) / 2(1 − drift)."""
    if drift >= 1:
        return 1.0
    return round(min(1.0, max(0.0, 0.5 + 0.5 * (attack - drift) / (1 - drift))), 4)


def _attacks(rows: Floats, labels: Labels, margins: Floats, members: NDArray[np.bool_]) -> _Attacks:
    confidence = margins * np.where(labels == 1, 1.0, -1.0)
    weights = class_weights(labels, members)
    goods, bads = (auc(confidence[labels == kind], members[labels == kind], weights[labels == kind]) for kind in (0, 1))
    return _Attacks(
        loss=auc(confidence, members, weights),
        quantile=_quantile_auc(rows, labels, confidence, members, weights),
        goods=goods,
        bads=bads,
        low_fpr=true_rate_at(confidence, members, weights, LOW_FPR),
    )


def class_weights(labels: Labels, members: NDArray[np.bool_]) -> Floats:
    """Members weigh 1; a non-member weighs (share of its class among members) / (share among non-members)."""
    weights = np.ones(labels.size, dtype=np.float64)
    for kind in (0, 1):
        inside = np.mean(labels[members] == kind)
        outside = np.mean(labels[~members] == kind)
        weights[~members & (labels == kind)] = inside / outside
    return weights


def auc(scores: Floats, members: NDArray[np.bool_], weights: Floats) -> float:
    """Weighted chance that a member scores above a non-member, ties counting half, rounded to 4 decimals."""
    inside, outside = _by_score(scores, members, weights)
    below = np.cumsum(outside) - outside
    return round(float(np.sum(inside * (below + outside / 2)) / (inside.sum() * outside.sum())), 4)


def true_rate_at(scores: Floats, members: NDArray[np.bool_], weights: Floats, false_rate: float) -> float:
    """Share of members above the cut where ``false_rate`` of non-members are, linear between cuts, rounded to 4 decimals."""
    inside, outside = _by_score(scores, members, weights)
    true_rates = np.concatenate([[0.0], np.cumsum(inside[::-1]) / inside.sum()])
    false_rates = np.concatenate([[0.0], np.cumsum(outside[::-1]) / outside.sum()])
    return round(float(np.interp(false_rate, false_rates, true_rates)), 4)


def _by_score(scores: Floats, members: NDArray[np.bool_], weights: Floats) -> tuple[Floats, Floats]:
    """Weight of members and of non-members at each distinct score, ascending."""
    values, place = np.unique(scores, return_inverse=True)
    inside = np.bincount(place, weights=np.where(members, weights, 0.0), minlength=values.size)
    outside = np.bincount(place, weights=np.where(members, 0.0, weights), minlength=values.size)
    return inside.astype(np.float64), outside.astype(np.float64)


def _quantile_auc(rows: Floats, labels: Labels, confidence: Floats, members: NDArray[np.bool_], weights: Floats) -> float:
    """Median confidence is learnt on half of the non-members; members are told from the other half by their excess. Mean of both halves."""
    inputs = np.column_stack([rows, labels.astype(np.float64)])
    others = np.flatnonzero(~members)
    results = []
    for half in (0, 1):
        teach, judged = others[half::2], np.concatenate([np.flatnonzero(members), others[1 - half :: 2]])
        excess = confidence[judged] - _expected(inputs[teach], confidence[teach], inputs[judged])
        results.append(auc(excess, members[judged], weights[judged]))
    return round(sum(results) / 2, 4)


def _expected(inputs: Floats, confidence: Floats, asked: Floats) -> Floats:
    import lightgbm as lgb

    settings = {
        "objective": "quantile",
        "alpha": 0.5,
        "num_leaves": 15,
        "min_data_in_leaf": 20,
        "learning_rate": 0.1,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
        "seed": 1,
    }
    booster = lgb.train(settings, lgb.Dataset(inputs, confidence, params=settings), num_boost_round=60)
    return np.asarray(booster.predict(asked, num_threads=1), dtype=np.float64)


def _sample(positions: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most ``MOST_ROWS`` of ``positions``, evenly spread: rows arrive permuted by a key."""
    if positions.size <= MOST_ROWS:
        return positions
    return positions[np.linspace(0, positions.size - 1, MOST_ROWS).astype(np.intp)]
