"""What follows the trees in LightGBM's text: importances and parameters. Checked, then dropped: predictions need none of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.modelling.text_grammar import GrammarError, decimal

# Parameters LightGBM 4 writes. Another key is a payload, or a new release whose keys someone must read first.
_WRITTEN = """
    boosting objective metric tree_learner device_type data_sample_strategy data valid num_iterations learning_rate num_leaves
    num_threads seed deterministic force_col_wise force_row_wise histogram_pool_size max_depth min_data_in_leaf
    min_sum_hessian_in_leaf bagging_fraction pos_bagging_fraction neg_bagging_fraction bagging_freq bagging_seed bagging_by_query
    feature_fraction feature_fraction_bynode feature_fraction_seed extra_trees extra_seed early_stopping_round
    early_stopping_min_delta first_metric_only max_delta_step lambda_l1 lambda_l2 linear_lambda min_gain_to_split drop_rate
    max_drop skip_drop xgboost_dart_mode uniform_drop drop_seed top_rate other_rate min_data_per_group max_cat_threshold cat_l2
    cat_smooth max_cat_to_onehot top_k monotone_constraints monotone_constraints_method monotone_penalty feature_contri
    forcedsplits_filename refit_decay_rate cegb_tradeoff cegb_penalty_split cegb_penalty_feature_lazy cegb_penalty_feature_coupled
    path_smooth interaction_constraints verbosity saved_feature_importance_type use_quantized_grad num_grad_quant_bins
    quant_train_renew_leaf stochastic_rounding linear_tree max_bin max_bin_by_feature min_data_in_bin bin_construct_sample_cnt
    data_random_seed is_enable_sparse enable_bundle use_missing zero_as_missing feature_pre_filter pre_partition two_round header
    label_column weight_column group_column ignore_column categorical_feature forcedbins_filename precise_float_parser
    parser_config_file objective_seed num_class is_unbalance scale_pos_weight sigmoid boost_from_average reg_sqrt alpha fair_c
    poisson_max_delta_step tweedie_variance_power lambdarank_truncation_level lambdarank_norm label_gain
    lambdarank_position_bias_regularization eval_at multi_error_top_k auc_mu_weights num_machines local_listen_port time_out
    machine_list_filename machines gpu_platform_id gpu_device_id gpu_device_id_list gpu_use_dp num_gpu
"""
PARAMETERS = frozenset(_WRITTEN.split())
_VALUE = re.compile(r"[0-9A-Za-z_.,:+\-/\[\] ]{0,4096}")
_PARAMETER = re.compile(r"\[([a-z0-9_]{1,64}): (.*)\]")


def check_tail(tail: str, features: Sequence[str]) -> None:
    """``tail`` is the text after the last tree. Raises GrammarError for a line that LightGBM would not have written."""
    lines = [line for line in tail.split("\n") if line]
    if not lines or lines[0] != "end of trees":
        raise GrammarError("tree_sizes_disagree", "tail")
    if len(lines) > 4 + len(features) + len(PARAMETERS) + 1:
        raise GrammarError("unknown_key", "tail")
    rest = _skip_importances(lines[1:], frozenset(features))
    rest = _skip_parameters(rest)
    # A list of categories would carry values of rows; models here have none.
    if rest not in (["pandas_categorical:null"], ["pandas_categorical:[]"]):
        raise GrammarError("unknown_key", "tail")


def _skip_importances(lines: list[str], features: frozenset[str]) -> list[str]:
    if not lines or lines[0] != "feature_importances:":
        return lines
    seen: set[str] = set()
    for position, line in enumerate(lines[1:], start=1):
        name, equals, value = line.partition("=")
        if not equals:
            return lines[position:]
        if name not in features or name in seen:
            raise GrammarError("unregistered_feature", "importances")
        seen.add(name)
        decimal(value, "importances")
    raise GrammarError("not_a_model", "tail")


def _skip_parameters(lines: list[str]) -> list[str]:
    if not lines or lines[0] != "parameters:":
        return lines
    seen: set[str] = set()
    for position, line in enumerate(lines[1:], start=1):
        if line == "end of parameters":
            return lines[position + 1 :]
        found = _PARAMETER.fullmatch(line)
        if found is None or found[1] not in PARAMETERS or found[1] in seen or not _VALUE.fullmatch(found[2]):
            raise GrammarError("unknown_key", "parameters")
        seen.add(found[1])
    raise GrammarError("not_a_model", "tail")
